// Puts the shards of Meta's files together, and queries' and keys' rows in Hugging Face's order.
#include "llama_original.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/huggingface_folder.h"
#include "easylm/json.h"
#include "easylm/strided.h"
#include "params_json.h"
#include "torch_file.h"

namespace easylm::torch_bin {
namespace {

namespace fs = std::filesystem;

// How a weight was dealt out to devices.
enum class Split {
  none,       // the same in each file
  rows,       // each has some of the outputs
  heads,      // the same, and rows are interleaved within a head
  columns,    // each has some of the inputs
  embedding,  // columns up to LLaMA 2, rows since
};

struct Row {
  std::string_view meta, name;  // "#" stands for a layer's number
  Split split;
};
constexpr std::array<Row, 12> kRows = {
    {{"tok_embeddings.weight", "model.embed_tokens.weight", Split::embedding},
     {"layers.#.attention.wq.weight", "model.layers.#.self_attn.q_proj.weight", Split::heads},
     {"layers.#.attention.wk.weight", "model.layers.#.self_attn.k_proj.weight", Split::heads},
     {"layers.#.attention.wv.weight", "model.layers.#.self_attn.v_proj.weight", Split::rows},
     {"layers.#.attention.wo.weight", "model.layers.#.self_attn.o_proj.weight", Split::columns},
     {"layers.#.feed_forward.w1.weight", "model.layers.#.mlp.gate_proj.weight", Split::rows},
     {"layers.#.feed_forward.w2.weight", "model.layers.#.mlp.down_proj.weight", Split::columns},
     {"layers.#.feed_forward.w3.weight", "model.layers.#.mlp.up_proj.weight", Split::rows},
     {"layers.#.attention_norm.weight", "model.layers.#.input_layernorm.weight", Split::none},
     {"layers.#.ffn_norm.weight", "model.layers.#.post_attention_layernorm.weight", Split::none},
     {"norm.weight", "model.norm.weight", Split::none},
     {"output.weight", "lm_head.weight", Split::rows}}};

std::string filled(std::string_view pattern, std::int64_t layer) {
  std::string text(pattern);
  const std::size_t mark = text.find('#');
  if (mark != std::string::npos) text.replace(mark, 1, std::to_string(layer));
  return text;
}

bool is_per_layer(const Row& row) { return row.meta.find('#') != std::string_view::npos; }

// What every model works out for itself.
bool is_derived(std::string_view name) { return name.ends_with("rope.freqs"); }

std::string shard_name(std::size_t shard) {
  char name[32];
  std::snprintf(name, sizeof name, "consolidated.%02zu.pth", shard);
  return name;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// The folder that the user named, or that holds the file that he named.
fs::path folder_of(const fs::path& path) {
  return path.filename() == shard_name(0) || path.filename() == "params.json" ? path.parent_path() : path;
}

class Reader final : public TensorReader {
 public:
  Reader(Host& host, const fs::path& folder);

  std::span<const TensorInfo> tensors() const override { return tensors_; }
  void read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const override;
  std::span<const std::byte> view(std::size_t index) const override;
  std::optional<Table> model_config() const override;
  std::vector<NamedFile> tokenizer_files() const override;
  std::vector<std::pair<std::string, std::string>> metadata() const override {
    return {{"shards", std::to_string(files_.size())}};
  }

 private:
  using Names = std::map<std::string, const TorchTensor*>;  // of one file, what wasn't taken yet

  struct Weight {
    TensorInfo info;
    Split split = Split::none;
    std::vector<const TorchTensor*> shards;
  };

  void add(const Row& row, std::int64_t layer);
  void check_same(const Weight& weight) const;
  void warn_of_guesses() const;
  void read_row_parts(const Weight& weight, std::int64_t offset, std::span<std::byte> into) const;
  void read_columns(const Weight& weight, std::int64_t offset, std::span<std::byte> into) const;
  Strided layout_of(const Weight& weight, const TorchTensor& shard) const;
  [[noreturn]] void refuse(const std::string& name, const std::string& reason) const {
    throw Error(ErrorCode::corrupt, folder_.string() + ": tensor " + json_quoted(name) + " " + reason,
                "get the files again, and see that none is missing");
  }

  Host& host_;
  fs::path folder_;
  MetaParams params_;
  mutable std::once_flag warned_;
  std::vector<std::unique_ptr<TorchFile>> files_;
  std::vector<Names> left_;
  std::vector<Weight> weights_;  // sorted by name
  std::vector<TensorInfo> tensors_;
};

Reader::Reader(Host& host, const fs::path& folder)
    : host_(host), folder_(folder), params_(read_params(folder)) {
  for (std::size_t shard = 0; is_file(folder_ / shard_name(shard)); ++shard) {
    const TorchFile& file = *files_.emplace_back(std::make_unique<TorchFile>(folder_ / shard_name(shard)));
    Names& names = left_.emplace_back();
    for (const TorchTensor& tensor : file.tensors()) {
      if (!is_derived(tensor.info.name)) names.emplace(tensor.info.name, &tensor);
    }
  }
  if (files_.empty()) {
    throw Error(ErrorCode::not_found, folder_.string() + " has no " + shard_name(0), "get the weights too");
  }
  for (const Row& row : kRows) {
    const bool is_tied = row.meta == "output.weight" && left_.front().count("output.weight") == 0;
    if (is_tied) continue;
    for (std::int64_t layer = 0; layer < (is_per_layer(row) ? params_.layers : 1); ++layer) add(row, layer);
  }
  for (const Names& names : left_) {
    if (!names.empty()) refuse(names.begin()->first, "is no part of a LLaMA of these params.json");
  }
  std::sort(weights_.begin(), weights_.end(),
            [](const Weight& a, const Weight& b) { return a.info.name < b.info.name; });
  for (const Weight& weight : weights_) tensors_.push_back(weight.info);
}

// Takes a weight's shard from each file.
void Reader::add(const Row& row, std::int64_t layer) {
  const std::string name = filled(row.meta, layer);
  Weight weight{{filled(row.name, layer)}, row.split, {}};
  for (Names& names : left_) {
    const auto found = names.find(name);
    if (found == names.end()) refuse(name, "is missing");
    weight.shards.push_back(found->second);
    names.erase(found);
  }
  const TensorInfo& first = weight.shards.front()->info;
  weight.info.dtype = first.dtype;
  weight.info.shape = first.shape;
  if (first.shape.size() != (row.split == Split::none ? 1U : 2U))
    refuse(name, "has a wrong number of dimensions");
  if (weight.split == Split::embedding) {
    weight.split = first.shape[1] == params_.dim ? Split::rows : Split::columns;
  }
  for (const TorchTensor* shard : weight.shards) {
    if (shard->info.shape != first.shape || shard->info.dtype != first.dtype) {
      refuse(name, "differs in shape or type between files");
    }
  }
  const std::int64_t width = params_.dim / params_.heads;
  if (weight.split == Split::heads && (width % 2 != 0 || first.shape[0] % width != 0)) {
    refuse(name, "has " + std::to_string(first.shape[0]) + " rows in a file, which are no whole heads");
  }
  const std::size_t along = weight.split == Split::columns ? 1 : 0;
  if (weight.split != Split::none &&
      __builtin_mul_overflow(first.shape[along], weight.shards.size(), &weight.info.shape[along])) {
    refuse(name, "has more elements than there can be");
  }
  weight.info.num_bytes();  // throws if it overflows
  if (weight.split == Split::none) check_same(weight);
  weights_.push_back(std::move(weight));
}

// A weight that each file repeats must be the same in all.
void Reader::check_same(const Weight& weight) const {
  std::vector<std::byte> first(static_cast<std::size_t>(weight.info.num_bytes())), other(first.size());
  gather(weight.shards.front()->layout, weight.shards.front()->storage, 0, first);
  for (const TorchTensor* shard : weight.shards) {
    gather(shard->layout, shard->storage, 0, other);
    if (other != first) refuse(shard->info.name, "differs between files that should repeat it");
  }
}

Strided Reader::layout_of(const Weight& weight, const TorchTensor& shard) const {
  if (weight.split != Split::heads) return shard.layout;
  return in_halves(shard.layout, params_.dim / params_.heads);
}

// Shards that follow each other in the order of reading.
void Reader::read_row_parts(const Weight& weight, std::int64_t offset, std::span<std::byte> into) const {
  std::int64_t begin = 0;
  for (const TorchTensor* shard : weight.shards) {
    const std::int64_t bytes = shard->info.num_bytes();
    const std::int64_t from = std::max(offset, begin);
    const std::int64_t to = std::min(offset + static_cast<std::int64_t>(into.size()), begin + bytes);
    if (from < to) {
      gather(layout_of(weight, *shard), shard->storage, from - begin,
             into.subspan(static_cast<std::size_t>(from - offset), static_cast<std::size_t>(to - from)));
    }
    begin += bytes;
    if (weight.split == Split::none) return;
  }
}

// Shards that lie beside each other in each row.
void Reader::read_columns(const Weight& weight, std::int64_t offset, std::span<std::byte> into) const {
  const std::int64_t size = size_of(weight.info.dtype), row_bytes = weight.info.shape[1] * size;
  const std::int64_t end = offset + static_cast<std::int64_t>(into.size());
  for (std::int64_t row = offset / row_bytes; row * row_bytes < end; ++row) {
    std::int64_t begin = row * row_bytes;
    for (const TorchTensor* shard : weight.shards) {
      const std::int64_t bytes = shard->info.shape[1] * size;
      const std::int64_t from = std::max(offset, begin), to = std::min(end, begin + bytes);
      if (from < to) {
        gather(shard->layout, shard->storage, row * bytes + from - begin,
               into.subspan(static_cast<std::size_t>(from - offset), static_cast<std::size_t>(to - from)));
      }
      begin += bytes;
    }
  }
}

void Reader::read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const {
  EASYLM_CHECK(index < weights_.size(), "a tensor was asked for that isn't there");
  const Weight& weight = weights_[index];
  const std::int64_t bytes = weight.info.num_bytes(), size = static_cast<std::int64_t>(into.size());
  EASYLM_CHECK(offset >= 0 && size <= bytes && offset <= bytes - size,
               "bytes beyond a tensor were asked for");
  if (into.empty()) return;
  if (weight.split == Split::columns) return read_columns(weight, offset, into);
  read_row_parts(weight, offset, into);
}

std::span<const std::byte> Reader::view(std::size_t index) const {
  EASYLM_CHECK(index < weights_.size(), "a tensor was asked for that isn't there");
  const Weight& weight = weights_[index];
  const bool is_whole =
      weight.split == Split::none || (weight.shards.size() == 1 && weight.split != Split::heads);
  return is_whole ? bytes_in_place(*weight.shards.front()) : std::span<const std::byte>();
}

std::optional<Table> Reader::model_config() const {
  const auto shape_of = [&](std::string_view name) -> const std::vector<std::int64_t>& {
    const auto found = std::find_if(tensors_.begin(), tensors_.end(),
                                    [&](const TensorInfo& tensor) { return tensor.name == name; });
    return found->shape;
  };
  MetaSizes sizes;
  sizes.vocabulary = shape_of("model.embed_tokens.weight")[0];
  sizes.intermediate = shape_of("model.layers.0.mlp.gate_proj.weight")[0];
  sizes.head_width = params_.dim / params_.heads;
  sizes.tied = std::none_of(tensors_.begin(), tensors_.end(),
                            [](const TensorInfo& tensor) { return tensor.name == "lm_head.weight"; });
  if (params_.vocabulary > 0 && params_.vocabulary != sizes.vocabulary) {
    refuse("tok_embeddings.weight", "has " + std::to_string(sizes.vocabulary) +
                                        " rows, and params.json says " + std::to_string(params_.vocabulary));
  }
  std::call_once(warned_, [&] { warn_of_guesses(); });
  return config_of(params_, sizes);
}

void Reader::warn_of_guesses() const {
  const std::string_view path = folder_.native();
  if (!params_.scaled_rope) {
    host_.warn(
        "checkpoint",
        "params.json doesn't say how long sequences may be: set max_position_embeddings in the [model] table",
        {{"path", path}});
  } else if (params_.rope_factor <= 0) {
    host_.warn(
        "checkpoint",
        "params.json doesn't say its rope_scaling_factor: taken is that of Meta's models of this width",
        {{"factor", rope_factor(params_)}, {"path", path}});
  }
}

std::vector<NamedFile> Reader::tokenizer_files() const {
  std::vector<NamedFile> files = read_tokenizer_files(folder_);
  // The first LLaMA's lies above the folders of its sizes.
  if (files.empty()) files = read_tokenizer_files(folder_.parent_path());
  return files;
}

}  // namespace

int probe_original(const fs::path& path) {
  const fs::path folder = folder_of(path);
  return is_file(folder / "params.json") && is_file(folder / shard_name(0)) ? 95 : 0;
}

std::unique_ptr<TensorReader> open_original(Host& host, const fs::path& path) {
  return std::make_unique<Reader>(host, folder_of(path));
}

}  // namespace easylm::torch_bin
