// Writes tensors row by row, each in the type and at the place that it has in the file. The head of the file
// goes in last, so that a file that was never finished can't be read.
#include "writer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "easylm/elements.h"
#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/output_file.h"
#include "easylm/rotary_layout.h"
#include "header.h"
#include "llama_metadata.h"
#include "llama_names.h"
#include "metadata_bytes.h"
#include "tokenizer_metadata.h"

namespace easylm::gguf {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkNumbers = std::size_t{1} << 18U;  // converted at a time
constexpr std::uint32_t kQuantisationVersion = 2;             // of the layout of blocks

// A tensor on its way into the file.
struct Target {
  std::string name;  // ours, for messages
  std::string gguf_name;
  std::vector<std::int64_t> shape;
  DType from = DType::f32;
  const BlockType* type = nullptr;
  std::int64_t row_numbers = 1, rows = 1;
  std::int64_t head_width = 0;  // of rows that are to be interleaved; 0: they stay where they are
  std::int64_t begin = 0;       // in the data

  std::int64_t row_bytes() const { return row_numbers * size_of(from); }
  std::int64_t stored_row_bytes() const { return row_numbers / type->numbers * type->bytes; }
  std::int64_t stored_bytes() const { return rows * stored_row_bytes(); }
};

// A row of which some bytes have come.
struct PartOfRow {
  std::string bytes;
  std::size_t filled = 0;
};

[[noreturn]] void refuse(const TensorInfo& tensor, const std::string& what, const std::string& hint) {
  throw Error(ErrorCode::unsupported, "GGUF can't hold tensor " + json_quoted(tensor.name) + ": " + what,
              hint);
}

// Norms and biases stay as they are computed with. The embedding and the head cost most where they are
// coarse.
const BlockType* type_for(const TensorInfo& tensor, std::string_view gguf, const std::string& quantise) {
  const BlockType* same = find_type(tensor.dtype);
  if (same == nullptr)
    refuse(tensor, "it has no numbers of type " + std::string(name_of(tensor.dtype)), "leave it out");
  const bool is_kept = quantise == "none" || !is_float(tensor.dtype);
  if (tensor.shape.size() < 2) {
    return is_kept && tensor.dtype != DType::f16 && tensor.dtype != DType::bf16 ? same
                                                                                : find_type(DType::f32);
  }
  if (is_kept) return same;
  std::string name = quantise;
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
  const bool is_coarse = name == "Q4_0" || name == "Q4_1";
  if (is_coarse && (gguf == "token_embd.weight" || gguf == "output.weight")) name = "Q8_0";
  return find_type(std::string_view(name));
}

Target target_for(const TensorInfo& tensor, const Heads& heads, const std::string& quantise) {
  const NamePair name = gguf_name(tensor.name);
  if (name.name.empty()) refuse(tensor, "it is none of a LLaMA's", "write it in another format");
  Target target{tensor.name, name.name, tensor.shape, tensor.dtype, type_for(tensor, name.name, quantise)};
  if (tensor.shape.empty() || tensor.shape.size() > 4 || tensor.num_bytes() == 0) {
    refuse(tensor, "it has no dimension, an empty one or more than four", "leave it out");
  }
  const bool is_bias = tensor.shape.size() == 1;
  target.row_numbers = is_bias && name.rows != HeadRows::same ? 1 : tensor.shape.back();
  target.rows = tensor.num_bytes() / size_of(tensor.dtype) / target.row_numbers;
  if (target.row_numbers % target.type->numbers != 0) {
    refuse(tensor,
           "its rows of " + std::to_string(target.row_numbers) + " numbers are no multiple of the " +
               std::to_string(target.type->numbers) + " in a block of " + std::string(target.type->name),
           "choose another value of quantize");
  }
  if (name.rows != HeadRows::same) {
    const std::int64_t count = name.rows == HeadRows::query ? heads.query : heads.key;
    if (count < 1 || target.rows % (2 * count) != 0) {
      refuse(tensor, "its rows don't make " + std::to_string(count) + " heads of an even width",
             "check the model's configuration");
    }
    target.head_width = target.rows / count;
  }
  return target;
}

class Writer final : public TensorWriter {
 public:
  Writer(const fs::path& folder, const WritePlan& plan, const std::string& quantise);

  void write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) override;
  void finish() override;

 private:
  void add_rotary_factors(const std::vector<float>& factors);
  std::uint32_t file_type() const;
  void take_part(std::size_t index, std::int64_t row, std::int64_t skip, std::span<const std::byte> data);
  void write_rows(const Target& target, std::int64_t row, std::span<const std::byte> data);
  void write_stored_rows(const Target& target, std::int64_t row, std::string_view rows);

  WriteProgress progress_;
  std::vector<Target> targets_;                           // one a tensor of the plan
  std::vector<std::map<std::int64_t, PartOfRow>> parts_;  // by row, one a tensor
  std::vector<Target> own_targets_;                       // what the plan doesn't hold
  MetadataBytes metadata_;
  std::optional<OutputFile> file_;
  std::string head_;
};

// The head of the file: everything before the data.
std::string head_of(const MetadataBytes& metadata, const std::vector<const Target*>& targets) {
  std::string head(kMagic);
  append_number(head, kVersion);
  append_number<std::uint64_t>(head, targets.size());
  append_number<std::uint64_t>(head, metadata.count());
  head += metadata.bytes();
  for (const Target* target : targets) {
    append_text(head, target->gguf_name);
    append_number(head, static_cast<std::uint32_t>(target->shape.size()));
    for (std::size_t i = target->shape.size(); i > 0; --i) {
      append_number<std::uint64_t>(head, static_cast<std::uint64_t>(target->shape[i - 1]));
    }
    append_number(head, target->type->id);
    append_number<std::uint64_t>(head, static_cast<std::uint64_t>(target->begin));
  }
  head.resize(static_cast<std::size_t>(padded(static_cast<std::int64_t>(head.size()), kAlignment)), '\0');
  return head;
}

Writer::Writer(const fs::path& folder, const WritePlan& plan, const std::string& quantise)
    : progress_(plan), parts_(plan.tensors.size()) {
  if (!plan.model_config) {
    throw Error(ErrorCode::unsupported, "GGUF can't hold tensors without a model's configuration",
                "write them as safetensors");
  }
  metadata_.add_text(kArchitectureKey, kLlama);
  metadata_.add_text("general.type", "model");
  const LlamaSettings settings = add_config(*plan.model_config, metadata_);
  bool has_head = false;
  for (const TensorInfo& tensor : plan.tensors) {
    targets_.push_back(target_for(tensor, settings.heads, quantise));
    has_head |= tensor.name == "lm_head.weight";
  }
  if (has_head == settings.ties_embeddings) {
    throw Error(ErrorCode::unsupported,
                std::string("GGUF can't hold a model whose embedding is") +
                    (has_head ? " its head and that has a head of its own" : "n't its head, without a head"),
                "check tie_word_embeddings in the model's configuration");
  }
  if (!settings.rotary_factors.empty()) add_rotary_factors(settings.rotary_factors);
  metadata_.add_u32("general.file_type", file_type());
  metadata_.add_u32("general.quantization_version", kQuantisationVersion);
  add_tokenizer(plan.files, *plan.model_config, settings.vocabulary, metadata_);
  for (const auto& [key, text] : plan.metadata) metadata_.add_text(key, text);

  std::vector<const Target*> in_file;
  std::int64_t end = 0;
  for (std::vector<Target>* targets : {&own_targets_, &targets_}) {
    for (Target& target : *targets) {
      target.begin = end;
      end = padded(end + target.stored_bytes(), kAlignment);
      in_file.push_back(&target);
    }
  }
  head_ = head_of(metadata_, in_file);
  file_.emplace(folder / (plan.stem + ".gguf"));
  file_->reserve(static_cast<std::int64_t>(head_.size()) + end);
  if (!settings.rotary_factors.empty()) {
    write_rows(own_targets_.front(), 0, std::as_bytes(std::span(settings.rotary_factors)));
  }
  for (const NamedFile& small : plan.files) {
    if (is_tokenizer_file(small.name)) continue;
    OutputFile out(folder / small.name);
    out.write_at(0, small.bytes);
    out.close();
  }
}

void Writer::add_rotary_factors(const std::vector<float>& factors) {
  Target target{std::string(kRotaryFactors), std::string(kRotaryFactors)};
  target.row_numbers = static_cast<std::int64_t>(factors.size());
  target.shape = {target.row_numbers};
  target.type = find_type(DType::f32);
  own_targets_.push_back(std::move(target));
}

// That of the type that most bytes have.
std::uint32_t Writer::file_type() const {
  std::map<std::uint32_t, std::int64_t> bytes;
  for (const Target& target : targets_) bytes[target.type->file_type] += target.stored_bytes();
  const auto most = std::ranges::max_element(bytes, {}, [](const auto& entry) { return entry.second; });
  return most == bytes.end() ? 0 : most->first;
}

void Writer::write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) {
  progress_.add(index, offset, static_cast<std::int64_t>(data.size()));
  const Target& target = targets_[index];
  const std::int64_t row_bytes = target.row_bytes();
  while (!data.empty()) {
    const std::int64_t row = offset / row_bytes, skip = offset % row_bytes;
    const auto left = static_cast<std::int64_t>(data.size());
    std::int64_t size = std::min(left, row_bytes - skip);
    if (size < row_bytes) {
      take_part(index, row, skip, data.first(static_cast<std::size_t>(size)));
    } else {
      size = left / row_bytes * row_bytes;
      write_rows(target, row, data.first(static_cast<std::size_t>(size)));
    }
    data = data.subspan(static_cast<std::size_t>(size));
    offset += size;
  }
}

void Writer::take_part(std::size_t index, std::int64_t row, std::int64_t skip,
                       std::span<const std::byte> data) {
  const Target& target = targets_[index];
  PartOfRow& part = parts_[index][row];
  part.bytes.resize(static_cast<std::size_t>(target.row_bytes()));
  std::ranges::copy(data, std::as_writable_bytes(std::span(part.bytes)).begin() + skip);
  part.filled += data.size();
  if (part.filled < part.bytes.size()) return;
  write_rows(target, row, std::as_bytes(std::span(part.bytes)));
  parts_[index].erase(row);
}

// Numbers in another type. False if some can't be held.
bool convert(const Target& target, std::span<const std::byte> data, std::span<std::byte> into) {
  std::vector<float> numbers(data.size() / static_cast<std::size_t>(size_of(target.from)));
  to_f32(target.from, data, numbers);
  if (!target.type->dtype) return quantise(*target.type, numbers, into);
  from_f32(numbers, *target.type->dtype, into);
  std::vector<float> back(numbers.size());
  to_f32(*target.type->dtype, into, back);
  return std::ranges::equal(numbers, back,
                            [](float x, float y) { return !std::isfinite(x) || std::isfinite(y); });
}

// Whole rows, as the plan has them.
void Writer::write_rows(const Target& target, std::int64_t row, std::span<const std::byte> data) {
  if (target.type->dtype == target.from) {
    write_stored_rows(target, row, {reinterpret_cast<const char*>(data.data()), data.size()});
    return;
  }
  const auto row_bytes = static_cast<std::size_t>(target.row_bytes());
  const std::size_t most =
      std::max<std::size_t>(1, kChunkNumbers / static_cast<std::size_t>(target.row_numbers));
  while (!data.empty()) {
    const std::size_t rows = std::min(most, data.size() / row_bytes);
    std::string stored(rows * static_cast<std::size_t>(target.stored_row_bytes()), '\0');
    if (!convert(target, data.first(rows * row_bytes), std::as_writable_bytes(std::span(stored)))) {
      throw Error(
          ErrorCode::numeric,
          "tensor " + json_quoted(target.name) + " holds a number that " + std::string(target.type->name) +
              " can't hold, in rows " + std::to_string(row) + " to " +
              std::to_string(row + static_cast<std::int64_t>(rows) - 1),
          "it is NaN, infinite or too large: write the model with quantize = \"none\" and look at it");
    }
    write_stored_rows(target, row, stored);
    data = data.subspan(rows * row_bytes);
    row += static_cast<std::int64_t>(rows);
  }
}

void Writer::write_stored_rows(const Target& target, std::int64_t row, std::string_view rows) {
  const std::int64_t begin = static_cast<std::int64_t>(head_.size()) + target.begin;
  const std::int64_t row_bytes = target.stored_row_bytes();
  if (target.head_width == 0) {
    file_->write_at(begin + row * row_bytes, rows);
    return;
  }
  for (; !rows.empty(); rows.remove_prefix(static_cast<std::size_t>(row_bytes)), ++row) {
    file_->write_at(begin + interleaved_row(row, target.head_width) * row_bytes,
                    rows.substr(0, static_cast<std::size_t>(row_bytes)));
  }
}

void Writer::finish() {
  progress_.check_complete();
  file_->write_at(0, head_);
  file_->close();
}

}  // namespace

std::unique_ptr<TensorWriter> create_file(const fs::path& folder, const WritePlan& plan,
                                          const std::string& quantise) {
  return std::make_unique<Writer>(folder, plan, quantise);
}

}  // namespace easylm::gguf
