// Lays out the whole file first: all but the arrays' bytes is known from the plan.
#include "writer.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/output_file.h"
#include "easylm/strided.h"
#include "llama_names.h"
#include "msgpack.h"

namespace easylm::stream {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostPayload = std::numeric_limits<std::uint32_t>::max();

// Bytes of an array that lie together in the file.
struct Part {
  std::int64_t place = 0;             // in the file
  std::int64_t begin = 0, bytes = 0;  // in the array
};

struct Array {
  TensorInfo stored;  // shape as it lies in the file
  Strided layout;     // how our order finds its elements in it
  std::vector<Part> parts = {};
};

// A file in the making: text, with gaps for arrays.
class FileLayout {
 public:
  void append(const std::string& text) {
    if (texts_.empty() || texts_.rbegin()->first + size_of_last() != end_) {
      texts_[end_] = text;
    } else {
      texts_.rbegin()->second += text;
    }
    end_ += static_cast<std::int64_t>(text.size());
  }
  std::int64_t leave(std::int64_t bytes) { return std::exchange(end_, end_ + bytes); }

  std::int64_t size() const { return end_; }
  const std::map<std::int64_t, std::string>& texts() const { return texts_; }

 private:
  std::int64_t size_of_last() const { return static_cast<std::int64_t>(texts_.rbegin()->second.size()); }

  std::map<std::int64_t, std::string> texts_;
  std::int64_t end_ = 0;
};

std::string array_head(const std::vector<std::int64_t>& shape, DType dtype, std::int64_t bytes) {
  std::string head = packed_array(3) + packed_array(static_cast<std::uint32_t>(shape.size()));
  for (const std::int64_t n : shape) head += packed_integer(n);
  head += packed_string(numpy_name(dtype));
  head += packed_binary(static_cast<std::uint32_t>(bytes));
  return packed_extension(1, static_cast<std::uint32_t>(head.size() + static_cast<std::size_t>(bytes))) +
         head;
}

// The parts of an array's value, as text before each gap.
struct ValuePart {
  std::string text;
  std::int64_t bytes = 0;
};

std::vector<ValuePart> value_of(const TensorInfo& stored, std::int64_t chunk_bytes) {
  const std::int64_t bytes = stored.num_bytes();
  if (bytes <= chunk_bytes) return {{array_head(stored.shape, stored.dtype, bytes), bytes}};
  const std::int64_t size = size_of(stored.dtype), elements = chunk_bytes / size, part = elements * size;
  std::string text = packed_map(3) + packed_string("__msgpack_chunked_array__") + packed_true() +
                     packed_string("shape") + packed_map(static_cast<std::uint32_t>(stored.shape.size()));
  for (std::size_t d = 0; d < stored.shape.size(); ++d) {
    text += packed_string(std::to_string(d)) + packed_integer(stored.shape[d]);
  }
  const std::int64_t count = (bytes + part - 1) / part;
  text += packed_string("chunks") + packed_map(static_cast<std::uint32_t>(count));
  std::vector<ValuePart> parts;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t now = std::min(part, bytes - i * part);
    text += packed_string(std::to_string(i)) + array_head({now / size}, stored.dtype, now);
    parts.push_back({std::exchange(text, {}), now});
  }
  return parts;
}

class Writer final : public TensorWriter {
 public:
  Writer(const fs::path& folder, const WritePlan& plan, const WriteOptions& options);

  void write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) override;
  void finish() override;

 private:
  using Tree = std::map<TreePath, std::size_t>;  // to the plan's tensor

  Tree tree_of(const WritePlan& plan);
  void lay_out_records(const Tree& tree);
  // The map of all leaves from `begin` to `end`, whose paths agree in their first `depth` parts.
  void lay_out_map(Tree::const_iterator begin, Tree::const_iterator end, std::size_t depth);
  void place(const std::vector<ValuePart>& value, std::size_t tensor);
  void put(const Array& array, std::int64_t offset, std::span<const std::byte> data);

  WriteProgress progress_;
  WriteOptions options_;
  std::vector<Array> arrays_;  // one a tensor of the plan
  FileLayout layout_;
  std::map<std::size_t, std::vector<std::byte>> pending_;  // arrays that must be turned, and are not complete
  std::optional<OutputFile> file_;
};

// How our order finds a weight's elements in a file.
Array array_of(const TensorInfo& tensor, const HeadCounts& heads) {
  const Layout kind = layout_of(tensor.name);
  Array array{tensor, row_major(size_of(tensor.dtype), tensor.shape)};
  if (kind == Layout::same) return array;
  if (tensor.shape.size() != 2) {
    throw Error(ErrorCode::unsupported, "tensor " + json_quoted(tensor.name) + " is no matrix",
                "only weights of a LLaMA can be written for the Python EasyLM");
  }
  std::swap(array.stored.shape[0], array.stored.shape[1]);
  array.layout = transposed(row_major(size_of(tensor.dtype), array.stored.shape));
  if (kind == Layout::transposed) return array;
  if (heads.head_width <= 0 || heads.head_width % 2 != 0 || tensor.shape[0] % heads.head_width != 0) {
    throw Error(ErrorCode::unsupported,
                "tensor " + json_quoted(tensor.name) + " can't be put in the order of the Python EasyLM: " +
                    (heads.head_width <= 0 ? "it is not known how many heads there are"
                                           : "its rows are no whole heads"),
                "the model's config.json must say num_attention_heads");
  }
  array.layout = in_halves(array.layout, heads.head_width);
  return array;
}

Writer::Writer(const fs::path& folder, const WritePlan& plan, const WriteOptions& options)
    : progress_(plan), options_(options) {
  const Tree tree = tree_of(plan);
  if (options_.form == Form::stream) {
    lay_out_records(tree);
  } else {
    lay_out_map(tree.begin(), tree.end(), 0);
  }
  file_.emplace(folder / (plan.stem + (options_.form == Form::stream ? ".stream" : ".msgpack")));
  file_->reserve(layout_.size());
  write_small_files(folder, plan);
}

Writer::Tree Writer::tree_of(const WritePlan& plan) {
  HeadCounts heads = plan.model_config ? head_counts(*plan.model_config) : HeadCounts{};
  Tree tree;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorInfo& tensor = plan.tensors[i];
    std::optional<TreePath> path = path_of(tensor.name);
    if (!path) {
      throw Error(ErrorCode::unsupported,
                  "tensor " + json_quoted(tensor.name) + " has no place in a file of the Python EasyLM",
                  "it holds LLaMAs without biases and adapters only; write safetensors");
    }
    if (heads.head_width == 0 && heads.heads > 0 && tensor.name.ends_with(".self_attn.q_proj.weight") &&
        !tensor.shape.empty() && tensor.shape[0] % heads.heads == 0) {
      heads.head_width = tensor.shape[0] / heads.heads;
    }
    tree.emplace(*std::move(path), i);
  }
  for (const TensorInfo& tensor : plan.tensors) arrays_.push_back(array_of(tensor, heads));
  return tree;
}

void Writer::place(const std::vector<ValuePart>& value, std::size_t tensor) {
  std::int64_t begin = 0;
  for (const ValuePart& part : value) {
    layout_.append(part.text);
    arrays_[tensor].parts.push_back({layout_.leave(part.bytes), begin, part.bytes});
    begin += part.bytes;
  }
}

void Writer::lay_out_records(const Tree& tree) {
  for (const auto& [path, tensor] : tree) {
    const std::vector<ValuePart> value = value_of(arrays_[tensor].stored, options_.chunk_bytes);
    std::int64_t bytes = 0;
    for (const ValuePart& part : value) bytes += static_cast<std::int64_t>(part.text.size()) + part.bytes;
    if (bytes > kMostPayload) {
      throw Error(
          ErrorCode::unsupported,
          "tensor " + json_quoted(arrays_[tensor].stored.name) + " has more than the 4 GB of a record",
          "write it in a smaller type, or with form = \"flax\"");
    }
    std::string head = packed_array(2) + packed_array(static_cast<std::uint32_t>(path.size() + 1));
    head += packed_string("params");
    for (const std::string& part : path) head += packed_string(part);
    layout_.append(head + packed_binary(static_cast<std::uint32_t>(bytes)));
    place(value, tensor);
  }
}

void Writer::lay_out_map(Tree::const_iterator begin, Tree::const_iterator end, std::size_t depth) {
  std::uint32_t count = 0;
  for (auto at = begin; at != end; ++at) {
    if (at == begin || at->first[depth] != std::prev(at)->first[depth]) ++count;
  }
  layout_.append(packed_map(count));
  while (begin != end) {
    const std::string& name = begin->first[depth];
    const auto after = std::find_if(begin, end, [&](const auto& leaf) { return leaf.first[depth] != name; });
    layout_.append(packed_string(name));
    if (begin->first.size() == depth + 1) {
      place(value_of(arrays_[begin->second].stored, options_.chunk_bytes), begin->second);
    } else {
      lay_out_map(begin, after, depth + 1);
    }
    begin = after;
  }
}

// Writes bytes [offset, offset + data.size()) of an array as it lies in the file.
void Writer::put(const Array& array, std::int64_t offset, std::span<const std::byte> data) {
  const auto end = offset + static_cast<std::int64_t>(data.size());
  for (const Part& part : array.parts) {
    const std::int64_t from = std::max(offset, part.begin), to = std::min(end, part.begin + part.bytes);
    if (from >= to) continue;
    file_->write_at(
        part.place + from - part.begin,
        {reinterpret_cast<const char*>(data.data()) + (from - offset), static_cast<std::size_t>(to - from)});
  }
}

void Writer::write(std::size_t index, std::int64_t offset, std::span<const std::byte> data) {
  progress_.add(index, offset, static_cast<std::int64_t>(data.size()));
  if (data.empty()) return;
  const Array& array = arrays_[index];
  if (array.layout.is_contiguous()) return put(array, offset, data);
  std::vector<std::byte>& turned = pending_[index];
  if (turned.empty()) turned.resize(static_cast<std::size_t>(array.stored.num_bytes()));
  scatter(array.layout, data, offset, turned);
  if (!progress_.is_complete(index)) return;
  put(array, 0, turned);
  pending_.erase(index);
}

// The first bytes go in last: without them nobody takes the file for one.
void Writer::finish() {
  progress_.check_complete();
  for (const auto& [at, text] : layout_.texts()) {
    if (at > 0) file_->write_at(at, text);
  }
  if (!layout_.texts().empty()) file_->write_at(0, layout_.texts().begin()->second);
  file_->close();
}

}  // namespace

std::unique_ptr<TensorWriter> create_file(const fs::path& folder, const WritePlan& plan,
                                          const WriteOptions& options) {
  return std::make_unique<Writer>(folder, plan, options);
}

}  // namespace easylm::stream
