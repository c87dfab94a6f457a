// Every key of "llama." is either understood here or refused by name.
#include "llama_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"
#include "rotary_scaling.h"

namespace easylm::gguf {
namespace {

const std::string kPrefix = "llama.";

// Read below, or of no consequence for what is computed.
constexpr std::array<std::string_view, 19> kKnown = {"vocab_size",
                                                     "context_length",
                                                     "embedding_length",
                                                     "block_count",
                                                     "feed_forward_length",
                                                     "attention.head_count",
                                                     "attention.head_count_kv",
                                                     "attention.layer_norm_rms_epsilon",
                                                     "attention.key_length",
                                                     "attention.value_length",
                                                     "rope.dimension_count",
                                                     "rope.freq_base",
                                                     "rope.scaling.type",
                                                     "rope.scaling.factor",
                                                     "rope.scaling.original_context_length",
                                                     "rope.scaling.finetuned",
                                                     "rope.scale_linear",
                                                     "tensor_data_layout",
                                                     "expert_used_count"};
// What asks for something only if it is not 0 or false.
constexpr std::array<std::string_view, 3> kOffAtZero = {"expert_count", "attention.sliding_window",
                                                        "use_parallel_residual"};

class Settings {
 public:
  explicit Settings(const Metadata& metadata) : metadata_(metadata) {}

  [[noreturn]] void refuse_unsupported(std::string_view key, const std::string& reason) const {
    throw Error(ErrorCode::unsupported,
                metadata_.where() + ": metadata " + json_quoted(kPrefix + std::string(key)) + " " + reason,
                "the model is more than a plain LLaMA: use a program that knows it");
  }

  void refuse_unknown_keys() const {
    for (const MetadataValue& value : metadata_.values()) {
      if (!value.key.starts_with(kPrefix)) continue;
      const std::string_view key = value.key.substr(kPrefix.size());
      if (std::ranges::find(kKnown, key) != kKnown.end()) continue;
      const bool may_be_off = std::ranges::find(kOffAtZero, key) != kOffAtZero.end();
      const bool is_off = std::ranges::all_of(value.bytes, [](std::byte b) { return b == std::byte{0}; });
      if (!may_be_off || !is_off) refuse_unsupported(key, "asks for what our LLaMA doesn't compute");
    }
  }

  std::optional<std::int64_t> count(std::string_view key) const {
    const auto x = metadata_.integer(kPrefix + std::string(key));
    if (x && (*x < 1 || *x > std::int64_t{1} << 40U)) {
      metadata_.refuse(kPrefix + std::string(key), "is " + std::to_string(*x));
    }
    return x;
  }
  std::int64_t needed_count(std::string_view key) const {
    const auto x = count(key);
    if (!x) refuse_missing(key);
    return *x;
  }
  std::optional<double> real(std::string_view key) const {
    const auto x = metadata_.real(kPrefix + std::string(key));
    if (x && (!std::isfinite(*x) || *x < 0)) {
      metadata_.refuse(kPrefix + std::string(key), "is negative or no number");
    }
    return x;
  }
  double needed_real(std::string_view key) const {
    const auto x = real(key);
    if (!x) refuse_missing(key);
    return *x;
  }
  std::string text(std::string_view key) const {
    return std::string(metadata_.text(kPrefix + std::string(key)).value_or(""));
  }
  void require(std::string_view key, std::int64_t expected) const {
    const auto x = count(key);
    if (x && *x != expected)
      refuse_unsupported(key, "is " + std::to_string(*x) + ", not " + std::to_string(expected));
  }

 private:
  [[noreturn]] void refuse_missing(std::string_view key) const {
    metadata_.refuse(kPrefix + std::string(key), "is missing");
  }

  const Metadata& metadata_;
};

Value value_of(std::int64_t x) { return {x, {}}; }
Value value_of(double x) { return {x, {}}; }
Value value_of(bool x) { return {x, {}}; }

Table table_of(const Llama3Scaling& scaling) {
  Table table;
  table.set("rope_type", {std::string("llama3"), {}});
  table.set("factor", value_of(scaling.factor));
  table.set("low_freq_factor", value_of(scaling.low_freq_factor));
  table.set("high_freq_factor", value_of(scaling.high_freq_factor));
  table.set("original_max_position_embeddings", value_of(scaling.original_positions));
  return table;
}

// GGUF keeps the factors, not what they were made of. What made them is written by us; otherwise it is LLaMA
// 3's.
Table scaling_of_factors(const Metadata& metadata, const Settings& settings, std::span<const float> factors,
                         double theta) {
  Llama3Scaling common;
  common.factor = *std::ranges::max_element(factors);
  common.original_positions =
      settings.count("rope.scaling.original_context_length").value_or(common.original_positions);
  Llama3Scaling recorded = common;
  recorded.factor = metadata.real(kRotaryFactorKey).value_or(recorded.factor);
  recorded.low_freq_factor = metadata.real(kRotaryLowKey).value_or(recorded.low_freq_factor);
  recorded.high_freq_factor = metadata.real(kRotaryHighKey).value_or(recorded.high_freq_factor);
  for (const Llama3Scaling& scaling : {recorded, common, Llama3Scaling{.factor = common.factor}}) {
    if (gives(scaling, theta, factors)) return table_of(scaling);
  }
  throw Error(
      ErrorCode::unsupported,
      metadata.where() + ": the factors in tensor \"rope_freqs.weight\" are not those of LLaMA 3's scaling",
      "get the model in Hugging Face's format, which says how they were made");
}

std::optional<Table> scaling_of(const Metadata& metadata, const Settings& settings, const TensorFacts& facts,
                                double theta) {
  const std::string type = settings.text("rope.scaling.type");
  if (!type.empty() && type != "none" && type != "linear") {
    settings.refuse_unsupported("rope.scaling.type",
                                "is " + json_quoted(type) + ", which our LLaMA doesn't compute");
  }
  double factor =
      settings.real("rope.scaling.factor").value_or(settings.real("rope.scale_linear").value_or(1));
  if (factor == 0 || type == "none") factor = 1;
  const bool has_factors = std::ranges::any_of(facts.rotary_factors, [](float x) { return x != 1; });
  if (has_factors && factor != 1) {
    settings.refuse_unsupported("rope.scaling.factor",
                                "comes beside the factors in tensor \"rope_freqs.weight\"");
  }
  if (has_factors) return scaling_of_factors(metadata, settings, facts.rotary_factors, theta);
  if (factor == 1) return std::nullopt;
  Table table;
  table.set("rope_type", {std::string("linear"), {}});
  table.set("factor", value_of(factor));
  return table;
}

}  // namespace

Heads heads_of(const Metadata& metadata) {
  const Settings settings(metadata);
  const std::int64_t query = settings.needed_count("attention.head_count");
  const std::int64_t key = settings.count("attention.head_count_kv").value_or(query);
  if (query % key != 0) {
    metadata.refuse(
        kPrefix + "attention.head_count_kv",
        "is " + std::to_string(key) + ", which doesn't divide the " + std::to_string(query) + " heads");
  }
  return {query, key};
}

Table config_of(const Metadata& metadata, const TensorFacts& facts) {
  const Settings settings(metadata);
  settings.refuse_unknown_keys();
  const Heads heads = heads_of(metadata);
  const std::int64_t hidden = settings.needed_count("embedding_length");
  const auto key_length = settings.count("attention.key_length");
  if (!key_length && hidden % heads.query != 0) {
    metadata.refuse(kPrefix + "embedding_length", "is not a multiple of the number of heads");
  }
  const std::int64_t head_width = key_length.value_or(hidden / heads.query);
  settings.require("attention.value_length", head_width);
  settings.require("rope.dimension_count", head_width);
  const std::int64_t vocabulary = settings.count("vocab_size").value_or(facts.vocabulary);
  if (facts.vocabulary != 0 && vocabulary != facts.vocabulary) {
    metadata.refuse(kPrefix + "vocab_size", "is " + std::to_string(vocabulary) + ", and the embedding has " +
                                                std::to_string(facts.vocabulary) + " rows");
  }
  const double theta = settings.real("rope.freq_base").value_or(10000);
  const auto num_factors = static_cast<std::int64_t>(facts.rotary_factors.size());
  if (num_factors != 0 && 2 * num_factors != head_width) {
    refuse_file(metadata.where(), "tensor \"rope_freqs.weight\" has " + std::to_string(num_factors) +
                                      " factors for heads of width " + std::to_string(head_width));
  }

  Table config{std::string(kLlama)};
  config.set("architectures", {List{{std::string("LlamaForCausalLM"), {}}}, {}});
  config.set("vocab_size", value_of(vocabulary));
  config.set("hidden_size", value_of(hidden));
  config.set("intermediate_size", value_of(settings.needed_count("feed_forward_length")));
  config.set("num_hidden_layers", value_of(settings.needed_count("block_count")));
  config.set("num_attention_heads", value_of(heads.query));
  config.set("num_key_value_heads", value_of(heads.key));
  config.set("head_dim", value_of(head_width));
  config.set("max_position_embeddings", value_of(settings.needed_count("context_length")));
  config.set("rms_norm_eps", value_of(settings.needed_real("attention.layer_norm_rms_epsilon")));
  config.set("attention_bias", value_of(facts.has_attention_bias));
  config.set("mlp_bias", value_of(facts.has_mlp_bias));
  config.set("tie_word_embeddings", value_of(!facts.has_output));
  config.set("hidden_act", {std::string("silu"), {}});
  config.set("rope_theta", value_of(theta));
  if (auto scaling = scaling_of(metadata, settings, facts, theta)) {
    config.set("rope_scaling", {*std::move(scaling), {}});
  }
  return config;
}

}  // namespace easylm::gguf
