// Hands out the parameters of a tree under Hugging Face's names and in its layout, straight from the map.
#include "reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/huggingface_folder.h"
#include "easylm/json.h"
#include "easylm/mapped_file.h"
#include "easylm/strided.h"
#include "llama_names.h"
#include "tree.h"

namespace easylm::stream {
namespace {

namespace fs = std::filesystem;

// In a folder: the names that the Python EasyLM gives, and ours.
constexpr std::array<const char*, 4> kFileNames = {"streaming_params", "streaming_train_state",
                                                   "model.stream", "model.msgpack"};

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const char* name : kFileNames) {
    if (fs::is_regular_file(folder / name, ignored)) files.push_back(folder / name);
  }
  return files;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t n : shape) text += (text.empty() ? "" : " × ") + std::to_string(n);
  return text.empty() ? "scalar" : text;
}

// Whether the leaf belongs to the parameters, whose path below "params" is then left in it: a train state has
// params/params/…, a parameter file params/…, a flax file neither.
bool take_parameter(TreePath& path) {
  const bool is_below =
      path.front() == "params" || path.front() == "transformer" || path.front() == "lm_head";
  for (int i = 0; i < 2 && path.size() > 1 && path.front() == "params"; ++i) path.erase(path.begin());
  return is_below;
}

class Reader final : public TensorReader {
 public:
  Reader(Host& host, const fs::path& path, const HeadCounts& known)
      : host_(host), path_(path), map_(path), heads_(known) {
    config_ = read_model_config(path_.parent_path());
    if (config_ && heads_.heads == 0 && heads_.head_width == 0) heads_ = head_counts(*config_);
    for (Leaf& leaf : read_tree(map_.bytes(), path_.string())) take(std::move(leaf));
    sort();
  }

  std::span<const TensorInfo> tensors() const override { return tensors_; }
  void read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const override;
  std::span<const std::byte> view(std::size_t index) const override;
  std::optional<Table> model_config() const override;
  std::vector<NamedFile> tokenizer_files() const override {
    return read_tokenizer_files(path_.parent_path());
  }
  std::vector<std::pair<std::string, std::string>> metadata() const override { return metadata_; }

 private:
  struct Weight {
    TensorInfo info;
    Layout layout = Layout::same;
    Strided stored;  // as it lies in the file
    ElementParts data;
  };

  struct Others {
    std::int64_t count = 0, bytes = 0;
  };

  void take(Leaf leaf);
  void note_other(const Leaf& leaf);
  void sort();
  [[noreturn]] void refuse(ErrorCode code, const std::string& name, const std::string& reason,
                           const std::string& hint) const {
    throw Error(code, path_.string() + ": tensor " + json_quoted(name) + " " + reason, hint);
  }
  const TensorInfo* find(std::string_view name) const;
  std::int64_t head_width() const;
  Strided layout_of(const Weight& weight) const;

  Host& host_;
  fs::path path_;
  MappedFile map_;
  HeadCounts heads_;
  std::optional<Table> config_;  // config.json
  mutable std::once_flag warned_;
  std::vector<Weight> weights_;
  std::map<std::string, Others> others_;  // by the first part of their paths
  std::vector<TensorInfo> tensors_;
  std::vector<std::pair<std::string, std::string>> metadata_;
};

void Reader::take(Leaf leaf) {
  const std::string path = path_text(leaf.path);
  const bool is_parameter = take_parameter(leaf.path);
  if (!is_parameter || !leaf.is_array) {
    if (is_parameter && leaf.text != "a map") {
      refuse(ErrorCode::corrupt, path, "is " + leaf.text + ", not an array", "get the file again");
    }
    if (leaf.path.size() == 1 && !leaf.is_array) {
      metadata_.emplace_back(path, leaf.text);
    } else {
      note_other(leaf);
    }
    return;
  }
  if (!leaf.dtype) {
    refuse(ErrorCode::unsupported, path,
           "has elements of type " + leaf.type + ", which this version of EasyLM can't hold",
           "convert it to float32, float16 or bfloat16");
  }
  const WeightName known = weight_of(leaf.path).value_or(WeightName{path_text(leaf.path), Layout::same});
  Weight weight{{known.name, *leaf.dtype, leaf.shape},
                known.layout,
                row_major(size_of(*leaf.dtype), leaf.shape),
                std::move(leaf.data)};
  if (known.layout != Layout::same) {
    if (leaf.shape.size() != 2) {
      refuse(ErrorCode::corrupt, path, "is " + shape_text(leaf.shape) + ", and a kernel has rows and columns",
             "this is no LLaMA of the Python EasyLM");
    }
    std::swap(weight.info.shape[0], weight.info.shape[1]);
  }
  weights_.push_back(std::move(weight));
}

// What a train state holds beside its parameters is counted, not handed out.
void Reader::note_other(const Leaf& leaf) {
  Others& others = others_[leaf.path.front()];
  ++others.count;
  for (const auto& part : leaf.data.parts) others.bytes += static_cast<std::int64_t>(part.size());
}

void Reader::sort() {
  for (const auto& [name, others] : others_) {
    metadata_.emplace_back(name, std::to_string(others.count) + " values of " + std::to_string(others.bytes) +
                                     " bytes, which are no weights");
  }
  std::sort(weights_.begin(), weights_.end(),
            [](const Weight& a, const Weight& b) { return a.info.name < b.info.name; });
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    tensors_.push_back(weights_[i].info);
    if (i > 0 && tensors_[i - 1].name == tensors_[i].name) {
      refuse(ErrorCode::corrupt, tensors_[i].name, "comes twice", "get the file again");
    }
  }
  if (tensors_.empty()) {
    throw Error(ErrorCode::corrupt, path_.string() + " holds no parameters",
                "name a file that EasyLM calls streaming_params or streaming_train_state");
  }
}

const TensorInfo* Reader::find(std::string_view name) const {
  const auto found =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const TensorInfo& tensor, std::string_view text) { return tensor.name < text; });
  return found == tensors_.end() || found->name != name ? nullptr : &*found;
}

// 0: not known.
std::int64_t Reader::head_width() const {
  if (heads_.head_width > 0 || heads_.heads == 0) return heads_.head_width;
  const TensorInfo* query = find("model.layers.0.self_attn.q_proj.weight");
  return query != nullptr && query->shape[0] % heads_.heads == 0 ? query->shape[0] / heads_.heads : 0;
}

Strided Reader::layout_of(const Weight& weight) const {
  if (weight.layout == Layout::same) return weight.stored;
  if (weight.layout == Layout::transposed) return transposed(weight.stored);
  const std::int64_t width = head_width();
  if (width == 0 && heads_.heads == 0) {
    refuse(
        ErrorCode::invalid_config, weight.info.name,
        "can't be put in Hugging Face's order: the file does not say how many heads there are",
        "put the model's config.json beside the file, name one with --config, or say num_attention_heads in "
        "the [model] table");
  }
  if (width <= 0 || width % 2 != 0 || weight.info.shape[0] % width != 0) {
    refuse(ErrorCode::invalid_config, weight.info.name,
           "has " + std::to_string(weight.info.shape[0]) + " rows, which are no whole heads" +
               (heads_.heads > 0 ? " if queries have " + std::to_string(heads_.heads) : ""),
           "check num_attention_heads and head_dim");
  }
  return in_halves(transposed(weight.stored), width);
}

void Reader::read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const {
  EASYLM_CHECK(index < weights_.size(), "a tensor was asked for that isn't there");
  const Weight& weight = weights_[index];
  const std::int64_t bytes = weight.info.num_bytes(), size = static_cast<std::int64_t>(into.size());
  EASYLM_CHECK(offset >= 0 && size <= bytes && offset <= bytes - size,
               "bytes beyond a tensor were asked for");
  gather(layout_of(weight), weight.data, offset, into);
}

std::span<const std::byte> Reader::view(std::size_t index) const {
  EASYLM_CHECK(index < weights_.size(), "a tensor was asked for that isn't there");
  const Weight& weight = weights_[index];
  // An element that is not aligned to its size is nothing to point at.
  const auto bytes = weight.data.parts.front();
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) %
                              static_cast<std::uintptr_t>(weight.stored.element_bytes) ==
                          0;
  return weight.layout == Layout::same && weight.data.parts.size() == 1 && is_aligned
             ? bytes
             : std::span<const std::byte>();
}

std::optional<Table> Reader::model_config() const {
  if (config_) return config_;
  const TensorInfo* embedding = find("model.embed_tokens.weight");
  const TensorInfo* gate = find("model.layers.0.mlp.gate_proj.weight");
  const TensorInfo* query = find("model.layers.0.self_attn.q_proj.weight");
  const TensorInfo* key = find("model.layers.0.self_attn.k_proj.weight");
  if (embedding == nullptr || gate == nullptr || query == nullptr || key == nullptr) return std::nullopt;
  if (embedding->shape.size() != 2) return std::nullopt;
  Table config{"llama"};
  const Origin origin{"checkpoint"};
  const auto set = [&](const char* name, std::int64_t x) { config.set(name, {x, origin}); };
  std::int64_t layers = 0;
  while (find("model.layers." + std::to_string(layers) + ".self_attn.q_proj.weight") != nullptr) ++layers;
  set("vocab_size", embedding->shape[0]);
  set("hidden_size", embedding->shape[1]);
  set("intermediate_size", gate->shape[0]);
  set("num_hidden_layers", layers);
  if (const std::int64_t width = head_width(); width > 0) {
    set("num_attention_heads", query->shape[0] / width);
    set("num_key_value_heads", key->shape[0] / width);
    if (query->shape[0] != embedding->shape[1]) set("head_dim", width);
  }
  config.set("tie_word_embeddings", {find("lm_head.weight") == nullptr, origin});
  std::call_once(warned_, [&] {
    host_.warn(
        "checkpoint",
        "there is no config.json beside the file: sizes are those of its tensors; heads, positions, epsilon "
        "and rope_theta are what the [model] table says, or its defaults",
        {{"path", std::string_view(path_.native())}});
  });
  return config;
}

}  // namespace

HeadCounts head_counts(const Table& model_config) {
  const auto number = [&](const char* key) -> std::int64_t {
    const Value* value = model_config.find(key);
    const auto* x = value == nullptr ? nullptr : value->as<std::int64_t>();
    return x == nullptr || *x < 0 ? 0 : *x;
  };
  return {number("num_attention_heads"), number("head_dim")};
}

int probe_path(const fs::path& path) {
  try {
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) return files_in(path).empty() ? 0 : 80;
    const MappedFile map(path);
    return recognise(map.bytes()) ? 60 : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

std::unique_ptr<TensorReader> open_path(Host& host, const fs::path& path, const HeadCounts& known) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return std::make_unique<Reader>(host, path, known);
  const std::vector<fs::path> files = files_in(path);
  if (files.empty()) {
    throw Error(ErrorCode::not_found, path.string() + " holds no file of the Python EasyLM",
                "name the file itself");
  }
  if (files.size() > 1) {
    throw Error(ErrorCode::invalid_config,
                path.string() + " holds both " + files[0].filename().string() + " and " +
                    files[1].filename().string(),
                "name one of them");
  }
  return std::make_unique<Reader>(host, files.front(), known);
}

}  // namespace easylm::stream
