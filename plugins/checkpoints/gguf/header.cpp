// Reads heads of files that nobody vouches for.
#include "header.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "cursor.h"
#include "easylm/json.h"

namespace easylm::gguf {
namespace {

constexpr std::uint32_t kMostDimensions = 4;
constexpr std::int64_t kMostAlignment = std::int64_t{1} << 30U;
constexpr std::size_t kLeastTensorBytes = 8 + 4 + 4 + 8;  // name, number of dimensions, type, offset

[[noreturn]] void refuse_unsupported(std::string_view where, const std::string& reason,
                                     const std::string& hint) {
  throw Error(ErrorCode::unsupported, std::string(where) + ": " + reason, hint);
}

void check_version(std::uint32_t version, std::string_view where) {
  if (version == 2 || version == kVersion) return;
  const std::string hint = "convert the model again with a current version of llama.cpp";
  if (version == 1) refuse_unsupported(where, "is GGUF of version 1, which nothing writes any more", hint);
  if ((version & 0xFFFFU) == 0 && version != 0) {
    refuse_unsupported(where, "is a big-endian GGUF file",
                       "convert the model again for little-endian machines");
  }
  if (version == 0) refuse_file(where, "claims to be GGUF of version 0");
  refuse_unsupported(where, "is GGUF of version " + std::to_string(version) + "; we know 2 and 3",
                     "use a newer version of EasyLM");
}

std::int64_t alignment_of(const Metadata& metadata) {
  const std::int64_t alignment = metadata.integer(kAlignmentKey).value_or(kAlignment);
  if (alignment < 8 || alignment > kMostAlignment || (alignment & (alignment - 1)) != 0) {
    metadata.refuse(kAlignmentKey, "is " + std::to_string(alignment) + ", not a power of two from 8 to 2^30");
  }
  return alignment;
}

// One tensor as the file describes it, its place still relative to the data.
class TensorHead {
 public:
  TensorHead(Cursor& cursor, std::int64_t alignment) : where_(cursor.where()) {
    entry_.name = cursor.text("the name of a tensor");
    if (entry_.name.empty()) refuse_file(where_, "a tensor has no name");
    const auto dimensions = cursor.number<std::uint32_t>(what());
    if (dimensions > kMostDimensions)
      refuse("has " + std::to_string(dimensions) + " dimensions; 4 is the most");
    for (std::uint32_t i = 0; i < dimensions; ++i) add_dimension(cursor.number<std::uint64_t>(what()));
    std::ranges::reverse(entry_.shape);
    set_type(cursor.number<std::uint32_t>(what()));
    const auto offset = cursor.number<std::uint64_t>(what());
    if (offset > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 2)) {
      refuse("begins at byte " + std::to_string(offset) + " of the data, beyond any file");
    }
    entry_.begin = static_cast<std::int64_t>(offset);
    if (entry_.begin % alignment != 0) {
      refuse("begins at byte " + std::to_string(offset) + " of the data, not at a multiple of " +
             std::to_string(alignment));
    }
  }

  Entry take() { return std::move(entry_); }

 private:
  std::string what() const { return "tensor " + json_quoted(entry_.name); }
  [[noreturn]] void refuse(const std::string& reason) const { refuse_file(where_, what() + " " + reason); }

  void add_dimension(std::uint64_t size) {
    if (size == 0) refuse("has a dimension of 0");
    // 2^59 numbers of 8 bytes are the most that a file can hold.
    if (size > (std::uint64_t{1} << 59U) / static_cast<std::uint64_t>(count_)) {
      refuse("has a shape of more bytes than there can be");
    }
    count_ *= static_cast<std::int64_t>(size);
    entry_.shape.push_back(static_cast<std::int64_t>(size));
  }

  void set_type(std::uint32_t id) {
    entry_.type = find_type(id);
    if (entry_.type == nullptr) {
      refuse_unsupported(where_, what() + " has numbers of type " + type_name(id) + ", which we can't read",
                         "get the model as Q8_0, Q6_K, Q5_K, Q4_K, F16 or BF16");
    }
    const std::int64_t row = entry_.shape.empty() ? 1 : entry_.shape.back();
    if (row % entry_.type->numbers != 0) {
      refuse("has rows of " + std::to_string(row) + " numbers, which " + std::string(entry_.type->name) +
             " can't hold");
    }
    entry_.bytes = count_ / entry_.type->numbers * entry_.type->bytes;
  }

  std::string_view where_;
  Entry entry_;
  std::int64_t count_ = 1;
};

// Sorts the entries by their place and checks that they fill the data but for the padding between them.
void check_places(std::vector<Entry>& entries, std::int64_t data_bytes, std::int64_t alignment,
                  std::string_view where) {
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.bytes); });
  std::int64_t end = 0;
  const Entry* before = nullptr;
  for (const Entry& entry : entries) {
    const std::string what = "tensor " + json_quoted(entry.name);
    if (entry.begin > data_bytes || entry.bytes > data_bytes - entry.begin) {
      refuse_file(where, what + " of " + std::to_string(entry.bytes) + " bytes begins at byte " +
                             std::to_string(entry.begin) + " of the data, and there are " +
                             std::to_string(data_bytes));
    }
    if (entry.begin < end) refuse_file(where, what + " overlaps tensor " + json_quoted(before->name));
    if (entry.begin != padded(end, alignment)) {
      refuse_file(where, "there is a hole before " + what + ", which begins at byte " +
                             std::to_string(entry.begin) + " of the data, not at " +
                             std::to_string(padded(end, alignment)));
    }
    end = entry.begin + entry.bytes;
    before = &entry;
  }
  if (data_bytes - end >= alignment) {
    refuse_file(where, std::to_string(data_bytes - end) + " bytes at the end belong to no tensor");
  }
}

}  // namespace

Header parse_header(std::span<const std::byte> file, std::string_view where) {
  Cursor cursor(file, where);
  const auto magic = cursor.take(kMagic.size(), "the magic");
  if (!std::ranges::equal(magic, std::as_bytes(std::span(kMagic))))
    refuse_file(where, "doesn't begin with GGUF");
  check_version(cursor.number<std::uint32_t>("the version"), where);
  const auto num_tensors = cursor.number<std::uint64_t>("the number of tensors");
  const auto num_values = cursor.number<std::uint64_t>("the number of values");
  if (num_tensors > cursor.left() / kLeastTensorBytes) {
    refuse_file(where, "claims " + std::to_string(num_tensors) + " tensors, more than the file has");
  }
  Header header{Metadata(cursor, num_values), {}};
  const std::int64_t alignment = alignment_of(header.metadata);
  std::unordered_set<std::string> names;
  for (std::uint64_t i = 0; i < num_tensors; ++i) {
    header.entries.push_back(TensorHead(cursor, alignment).take());
    const std::string& name = header.entries.back().name;
    if (!names.insert(name).second) refuse_file(where, "tensor " + json_quoted(name) + " appears twice");
  }
  const std::int64_t data_begin = padded(static_cast<std::int64_t>(cursor.at()), alignment);
  const std::int64_t data_bytes =
      std::max<std::int64_t>(0, static_cast<std::int64_t>(file.size()) - data_begin);
  check_places(header.entries, data_bytes, alignment, where);
  for (Entry& entry : header.entries) entry.begin += data_begin;
  return header;
}

}  // namespace easylm::gguf
