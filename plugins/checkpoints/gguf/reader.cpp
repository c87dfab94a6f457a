// Hands out a GGUF file's tensors as Hugging Face has them, turned into numbers only where they are asked
// for.
#include "reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

#include "easylm/elements.h"
#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/mapped_file.h"
#include "easylm/rotary_layout.h"
#include "header.h"
#include "llama_config.h"
#include "llama_names.h"
#include "tokenizer_files.h"
#include "vocabulary.h"

namespace easylm::gguf {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".gguf";

// The file to open for what the user named. Empty if there is none, or more than one in a folder.
fs::path find_file(const fs::path& path) {
  std::error_code problem;
  if (fs::is_regular_file(path, problem)) return path;
  if (!fs::is_directory(path, problem)) return {};
  fs::path found;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, problem)) {
    if (entry.path().extension() != kExtension || !entry.is_regular_file(problem)) continue;
    if (!found.empty()) return {};
    found = entry.path();
  }
  return found;
}

// A tensor's bytes in the file, row by row.
struct Stored {
  const BlockType* type = nullptr;
  std::span<const std::byte> bytes;
  std::int64_t row_numbers = 1;
  std::int64_t head_width = 0;  // of rows that are interleaved; 0: rows are as they are
};

class Reader final : public TensorReader {
 public:
  explicit Reader(const fs::path& path);

  std::span<const TensorInfo> tensors() const override { return tensors_; }
  void read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const override;
  std::span<const std::byte> view(std::size_t index) const override;
  std::optional<Table> model_config() const override;
  std::vector<NamedFile> tokenizer_files() const override { return gguf::tokenizer_files(header_.metadata); }
  std::vector<std::pair<std::string, std::string>> metadata() const override {
    return header_.metadata.described();
  }

 private:
  bool is_llama() const { return architecture_ == kLlama; }
  void add(const Entry& entry);
  void set_rows(const Entry& entry, HeadRows rows, Stored& stored) const;
  TensorFacts facts() const;

  std::string where_;
  MappedFile file_;
  Header header_;
  std::string architecture_;
  std::vector<TensorInfo> tensors_;
  std::vector<Stored> stored_;
  std::vector<float> rotary_factors_;
};

Reader::Reader(const fs::path& path)
    : where_(path.string()), file_(path), header_(parse_header(file_.bytes(), where_)) {
  const Metadata& metadata = header_.metadata;
  architecture_ = metadata.text(kArchitectureKey).value_or("");
  if (architecture_.empty()) metadata.refuse(kArchitectureKey, "is missing");
  if (metadata.integer("split.count").value_or(1) > 1) {
    throw Error(ErrorCode::unsupported, where_ + ": is one part of a model in several files",
                "put them together with llama.cpp's llama-gguf-split --merge");
  }
  for (const Entry& entry : header_.entries) add(entry);
  std::vector<std::size_t> order(tensors_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::string_view(tensors_[i].name); });
  std::vector<TensorInfo> tensors;
  std::vector<Stored> stored;
  for (const std::size_t i : order) {
    if (!tensors.empty() && tensors.back().name == tensors_[i].name) {
      refuse_file(where_, "two tensors are named " + json_quoted(tensors_[i].name));
    }
    tensors.push_back(std::move(tensors_[i]));
    stored.push_back(stored_[i]);
  }
  tensors_ = std::move(tensors);
  stored_ = std::move(stored);
}

void Reader::add(const Entry& entry) {
  Stored stored{entry.type, file_.bytes().subspan(static_cast<std::size_t>(entry.begin),
                                                  static_cast<std::size_t>(entry.bytes))};
  stored.row_numbers = entry.shape.empty() ? 1 : entry.shape.back();
  TensorInfo info{entry.name, entry.type->dtype.value_or(DType::f32), entry.shape};
  if (!entry.type->dtype) {
    info.stored_type = entry.type->name;
    info.stored_bytes = entry.bytes;
  }
  if (is_llama()) {
    if (entry.name == kRotaryFactors) {
      if (entry.type->dtype != DType::f32) refuse_file(where_, "tensor \"rope_freqs.weight\" is not F32");
      rotary_factors_.resize(stored.bytes.size() / sizeof(float));
      std::memcpy(rotary_factors_.data(), stored.bytes.data(), stored.bytes.size());
      return;
    }
    NamePair name = huggingface_name(entry.name);
    if (!name.name.empty()) info.name = std::move(name.name);
    set_rows(entry, name.rows, stored);
  }
  tensors_.push_back(std::move(info));
  stored_.push_back(stored);
}

void Reader::set_rows(const Entry& entry, HeadRows rows, Stored& stored) const {
  if (rows == HeadRows::same) return;
  const Heads heads = heads_of(header_.metadata);
  const std::int64_t count = rows == HeadRows::query ? heads.query : heads.key;
  const std::int64_t height = entry.shape.empty() ? 1 : entry.shape.front();
  if (entry.shape.size() > 2 || height % (2 * count) != 0) {
    refuse_file(where_, "tensor " + json_quoted(entry.name) + " has " + std::to_string(height) +
                            " rows, which don't make " + std::to_string(count) + " heads of an even width");
  }
  stored.head_width = height / count;
  if (entry.shape.size() == 1) stored.row_numbers = 1;  // a bias: its numbers are rows
  if (stored.row_numbers % stored.type->numbers != 0) {
    refuse_file(where_, "tensor " + json_quoted(entry.name) + " has rows that " +
                            std::string(stored.type->name) + " can't hold");
  }
}

// Bytes [offset, offset + into.size()) of a row, whose numbers become fp32.
void read_quantised(const BlockType& type, std::span<const std::byte> row, std::size_t offset,
                    std::span<std::byte> into) {
  const auto block_bytes = static_cast<std::size_t>(type.bytes);
  const std::size_t numbers_bytes = static_cast<std::size_t>(type.numbers) * sizeof(float);
  std::array<float, kMostBlockNumbers> numbers{};
  while (!into.empty()) {
    const std::size_t block = offset / numbers_bytes, skip = offset % numbers_bytes;
    dequantise(type, row.subspan(block * block_bytes, block_bytes),
               std::span(numbers).first(static_cast<std::size_t>(type.numbers)));
    const std::size_t size = std::min(into.size(), numbers_bytes - skip);
    std::memcpy(into.data(), reinterpret_cast<const std::byte*>(numbers.data()) + skip, size);
    into = into.subspan(size);
    offset += size;
  }
}

void Reader::read(std::size_t index, std::int64_t offset, std::span<std::byte> into) const {
  EASYLM_CHECK(index < tensors_.size(), "a tensor was asked for that isn't there");
  const Stored& stored = stored_[index];
  const std::int64_t bytes = tensors_[index].num_bytes();
  const auto size = static_cast<std::int64_t>(into.size());
  EASYLM_CHECK(offset >= 0 && size <= bytes && offset <= bytes - size,
               "bytes beyond a tensor were asked for");
  const std::int64_t row_bytes = stored.row_numbers * size_of(tensors_[index].dtype);
  const auto stored_row =
      static_cast<std::size_t>(stored.row_numbers / stored.type->numbers * stored.type->bytes);
  while (!into.empty()) {
    std::int64_t row = offset / row_bytes;
    if (stored.head_width > 0) row = interleaved_row(row, stored.head_width);
    const auto skip = static_cast<std::size_t>(offset % row_bytes);
    const std::size_t count = std::min(into.size(), static_cast<std::size_t>(row_bytes) - skip);
    const auto from = stored.bytes.subspan(static_cast<std::size_t>(row) * stored_row, stored_row);
    if (stored.type->dtype) {
      std::ranges::copy(from.subspan(skip, count), into.begin());
    } else {
      read_quantised(*stored.type, from, skip, into.first(count));
    }
    into = into.subspan(count);
    offset += static_cast<std::int64_t>(count);
  }
}

std::span<const std::byte> Reader::view(std::size_t index) const {
  EASYLM_CHECK(index < tensors_.size(), "a tensor was asked for that isn't there");
  const Stored& stored = stored_[index];
  const bool as_it_is = stored.type->dtype && stored.head_width == 0;
  return as_it_is ? stored.bytes : std::span<const std::byte>();
}

TensorFacts Reader::facts() const {
  TensorFacts facts;
  facts.rotary_factors = rotary_factors_;
  for (const TensorInfo& tensor : tensors_) {
    facts.has_output |= tensor.name == "lm_head.weight";
    facts.has_attention_bias |= tensor.name == "model.layers.0.self_attn.q_proj.bias";
    facts.has_mlp_bias |= tensor.name == "model.layers.0.mlp.gate_proj.bias";
    if (tensor.name == "model.embed_tokens.weight" && !tensor.shape.empty()) {
      facts.vocabulary = tensor.shape.front();
    }
  }
  return facts;
}

std::optional<Table> Reader::model_config() const {
  if (!is_llama()) return Table{architecture_};
  Table config = config_of(header_.metadata, facts());
  if (const auto vocabulary = read_vocabulary(header_.metadata)) {
    set_special_ids(config, special_ids(header_.metadata, *vocabulary));
  }
  return config;
}

}  // namespace

int probe_path(const fs::path& path) {
  try {
    const fs::path file = find_file(path);
    if (file.empty()) return 0;
    if (file != path) return 50;  // weights in another format beside it come first
    if (file.extension() == kExtension) return 100;
    std::array<char, kMagic.size()> start{};
    std::ifstream in(file, std::ios::binary);
    return in.read(start.data(), start.size()) && std::ranges::equal(start, kMagic) ? 100 : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

std::unique_ptr<TensorReader> open_path(const fs::path& path) {
  const fs::path file = find_file(path);
  if (file.empty()) {
    throw Error(ErrorCode::not_found, path.string() + " is no .gguf file and no folder with one",
                "name the .gguf file");
  }
  return std::make_unique<Reader>(file);
}

}  // namespace easylm::gguf
