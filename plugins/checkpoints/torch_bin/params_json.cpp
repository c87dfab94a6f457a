// Reads params.json and says the same in Hugging Face's words.
#include "params_json.h"

#include <optional>
#include <vector>

#include "easylm/error.h"
#include "easylm/huggingface_folder.h"
#include "easylm/json.h"

namespace easylm::torch_bin {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20U;
constexpr std::int64_t kLargest = std::int64_t{1} << 31U;

class ParamsReader {
 public:
  explicit ParamsReader(const std::filesystem::path& file) : where_(file.string()) {
    const std::optional<std::string> text = read_small_file(file, kMostBytes);
    if (!text) {
      throw Error(ErrorCode::not_found, where_ + " isn't there, and the weights beside it need it",
                  "get it from where the weights are from");
    }
    table_ = parse_json_object(*text, where_);
  }

  // A size; `otherwise` if it isn't said.
  std::int64_t size(const char* key, std::optional<std::int64_t> otherwise = {}) const {
    const Value* value = table_.find(key);
    if (value == nullptr && otherwise) return *otherwise;
    const auto* x = value == nullptr ? nullptr : value->as<std::int64_t>();
    if (x == nullptr || *x < 1 || *x > kLargest) refuse(std::string(key) + " must be a whole number above 0");
    return *x;
  }

  double positive(const char* key, double otherwise) const {
    const Value* value = table_.find(key);
    if (value == nullptr) return otherwise;
    const auto* whole = value->as<std::int64_t>();
    const auto* real = value->as<double>();
    const double x = real != nullptr ? *real : whole != nullptr ? static_cast<double>(*whole) : 0;
    if (!(x > 0)) refuse(std::string(key) + " must be a number above 0");
    return x;
  }

  bool truth(const char* key) const {
    const Value* value = table_.find(key);
    if (value == nullptr) return false;
    const auto* x = value->as<bool>();
    if (x == nullptr) refuse(std::string(key) + " must be true or false");
    return *x;
  }

  bool says(const char* key) const { return table_.find(key) != nullptr; }
  bool is_minus_one(const char* key) const {
    const Value* value = table_.find(key);
    return value != nullptr && value->as<std::int64_t>() != nullptr && *value->as<std::int64_t>() == -1;
  }

  [[noreturn]] void refuse(const std::string& reason) const {
    throw Error(ErrorCode::corrupt, where_ + ": " + reason, "get the file again");
  }

 private:
  std::string where_;
  Table table_;
};

}  // namespace

MetaParams read_params(const std::filesystem::path& folder) {
  const ParamsReader reader(folder / "params.json");
  MetaParams params;
  params.dim = reader.size("dim");
  params.layers = reader.size("n_layers");
  params.heads = reader.size("n_heads");
  params.kv_heads = reader.size("n_kv_heads", params.heads);
  if (params.heads % params.kv_heads != 0) reader.refuse("n_heads must be a multiple of n_kv_heads");
  if (params.dim % params.heads != 0) reader.refuse("dim must be a multiple of n_heads");
  if (!reader.is_minus_one("vocab_size") && reader.says("vocab_size"))
    params.vocabulary = reader.size("vocab_size");
  params.epsilon = reader.positive("norm_eps", params.epsilon);
  params.rope_theta = reader.positive("rope_theta", params.rope_theta);
  params.scaled_rope = reader.truth("use_scaled_rope");
  if (reader.says("rope_scaling_factor")) params.rope_factor = reader.positive("rope_scaling_factor", 0);
  params.low_freq_factor = reader.positive("rope_low_freq_factor", params.low_freq_factor);
  params.high_freq_factor = reader.positive("rope_high_freq_factor", params.high_freq_factor);
  return params;
}

double rope_factor(const MetaParams& params) {
  if (params.rope_factor > 0) return params.rope_factor;
  constexpr std::int64_t kWidestOf32 = 3072;  // LLaMA 3.2 with 1 and 3 billion parameters
  return params.dim <= kWidestOf32 ? 32 : 8;
}

Table config_of(const MetaParams& params, const MetaSizes& sizes) {
  Table config{"llama"};
  const Origin origin{"checkpoint"};
  const auto set = [&](const char* key, auto x) { config.set(key, {x, origin}); };
  set("vocab_size", sizes.vocabulary);
  set("hidden_size", params.dim);
  set("intermediate_size", sizes.intermediate);
  set("num_hidden_layers", params.layers);
  set("num_attention_heads", params.heads);
  set("num_key_value_heads", params.kv_heads);
  set("head_dim", sizes.head_width);
  set("rms_norm_eps", params.epsilon);
  set("rope_theta", params.rope_theta);
  set("tie_word_embeddings", sizes.tied);
  if (!params.scaled_rope) return config;
  constexpr std::int64_t kOriginalPositions = 8192, kPositions = 131072;  // LLaMA 3.1 and 3.2
  Table scaling;
  scaling.set("rope_type", {std::string("llama3"), origin});
  scaling.set("factor", {rope_factor(params), origin});
  scaling.set("low_freq_factor", {params.low_freq_factor, origin});
  scaling.set("high_freq_factor", {params.high_freq_factor, origin});
  scaling.set("original_max_position_embeddings", {kOriginalPositions, origin});
  set("rope_scaling", std::move(scaling));
  set("max_position_embeddings", kPositions);
  return config;
}

}  // namespace easylm::torch_bin
