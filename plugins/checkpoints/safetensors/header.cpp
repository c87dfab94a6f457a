// Reads headers from files that nobody vouches for, and writes our own.
#include "header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <tuple>
#include <unordered_set>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/json_events.h"

namespace easylm::safetensors {
namespace {

constexpr std::size_t kMostDimensions = 64;
constexpr std::string_view kMetadata = "__metadata__";

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr std::array<TypeName, 10> kTypes = {{{"F64", DType::f64},
                                              {"F32", DType::f32},
                                              {"F16", DType::f16},
                                              {"BF16", DType::bf16},
                                              {"I64", DType::i64},
                                              {"I32", DType::i32},
                                              {"I16", DType::i16},
                                              {"I8", DType::i8},
                                              {"U8", DType::u8},
                                              {"BOOL", DType::boolean}}};
constexpr std::array<std::string_view, 12> kForeignTypes = {
    "U16", "U32",     "U64",     "F8_E4M3",     "F8_E5M2",     "F8_E8M0",
    "F4",  "F6_E2M3", "F6_E3M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"};

std::string_view stored_name(DType dtype) {
  for (const TypeName& type : kTypes) {
    if (type.dtype == dtype) return type.name;
  }
  return "unknown";
}

[[noreturn]] void refuse(std::string_view where, const std::string& reason) {
  throw Error(ErrorCode::corrupt, std::string(where) + ": " + reason, "the file is damaged: get it again");
}

std::string tensor_text(std::string_view name) { return "tensor " + json_quoted(name); }

// Takes the header's JSON event by event. Depth 1 is the header, 2 a tensor or the metadata, 3 a list.
class HeaderEvents final : public JsonEvents {
 public:
  HeaderEvents(Header& header, std::string_view where) : header_(header), where_(where) {}

  void begin_object() override {
    ++depth_;
    if (depth_ == 1 || (depth_ == 2 && !in_list_)) {
      tensor_ = {};
      return;
    }
    refuse_here("holds an object where none belongs");
  }

  void end_object() override {
    if (depth_ == 2 && !in_metadata()) finish_tensor();
    --depth_;
  }

  void begin_array() override {
    if (depth_ != 2 || in_metadata() || in_list_ || (key_ != "shape" && key_ != "data_offsets")) {
      refuse_here("holds a list where none belongs");
    }
    in_list_ = true;
    list_.clear();
  }

  void end_array() override {
    in_list_ = false;
    (key_ == "shape" ? tensor_.shape : tensor_.offsets) = list_;
  }

  void key(std::string_view text) override {
    if (depth_ == 1) {
      name_ = text;
      key_.clear();
      if (name_.empty()) refuse(where_, "a tensor has no name");
      if (!names_.insert(name_).second) refuse_here("appears twice");
      return;
    }
    key_ = text;
    if (in_metadata()) {
      if (!metadata_keys_.insert(key_).second)
        refuse(where_, "metadata " + json_quoted(key_) + " appears twice");
    } else if (key_ != "dtype" && key_ != "shape" && key_ != "data_offsets") {
      refuse_here("has the unknown key " + json_quoted(key_));
    } else if (is_set(key_)) {
      refuse_here("has the key " + json_quoted(key_) + " twice");
    }
  }

  void string(std::string_view text) override {
    if (depth_ == 2 && in_metadata()) {
      header_.metadata.emplace_back(key_, text);
    } else if (depth_ == 2 && key_ == "dtype") {
      tensor_.dtype = dtype_of(std::string(text));
    } else {
      refuse_here("holds a text where none belongs");
    }
  }

  void integer(std::int64_t x) override {
    if (!in_list_) refuse_here("holds a number where none belongs");
    if (x < 0) refuse_here("has a negative number in its " + key_);
    if (list_.size() >= kMostDimensions) refuse_here("has more than 64 numbers in its " + key_);
    list_.push_back(x);
  }

  void real(double /*x*/) override { refuse_here("holds a number that is no 64-bit integer"); }
  void boolean(bool x) override { refuse_here(x ? "holds true" : "holds false"); }
  void null() override { refuse_here("holds null"); }

 private:
  struct Tensor {
    std::optional<DType> dtype;
    std::optional<std::vector<std::int64_t>> shape, offsets;
  };

  bool in_metadata() const { return name_ == kMetadata; }

  bool is_set(const std::string& key) const {
    if (key == "dtype") return tensor_.dtype.has_value();
    return key == "shape" ? tensor_.shape.has_value() : tensor_.offsets.has_value();
  }

  [[noreturn]] void refuse_here(const std::string& reason) const {
    if (depth_ == 0 || name_.empty()) refuse(where_, "the header " + reason);
    refuse(where_, (in_metadata() ? "the metadata" : tensor_text(name_)) + " " + reason);
  }

  DType dtype_of(std::string_view text) const {
    for (const TypeName& type : kTypes) {
      if (type.name == text) return type.dtype;
    }
    if (std::find(kForeignTypes.begin(), kForeignTypes.end(), text) != kForeignTypes.end()) {
      throw Error(ErrorCode::unsupported,
                  std::string(where_) + ": " + tensor_text(name_) + " has elements of type " +
                      std::string(text) + ", which this version of EasyLM can't hold",
                  "convert it to F32, F16 or BF16");
    }
    refuse_here("has the unknown element type " + json_quoted(text));
  }

  void finish_tensor() {
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      if (!is_set(key)) refuse_here(std::string("has no ") + key);
    }
    if (tensor_.offsets->size() != 2) refuse_here("needs two data_offsets");
    Entry entry{{name_, *tensor_.dtype, *tensor_.shape}, tensor_.offsets->front(), tensor_.offsets->back()};
    std::int64_t bytes = 0;
    try {
      bytes = entry.info.num_bytes();
    } catch (const Error&) {
      refuse_here("has a shape of more bytes than there can be");
    }
    if (entry.begin > entry.end) refuse_here("ends before it begins");
    if (entry.end - entry.begin != bytes) {
      refuse_here("lies in " + std::to_string(entry.end - entry.begin) + " bytes, but its shape takes " +
                  std::to_string(bytes));
    }
    header_.entries.push_back(std::move(entry));
  }

  Header& header_;
  std::string_view where_;
  std::unordered_set<std::string> names_, metadata_keys_;
  int depth_ = 0;
  bool in_list_ = false;
  std::string name_, key_;
  std::vector<std::int64_t> list_;
  Tensor tensor_;
};

// Sorts the entries by their place and checks that they fill the data exactly.
void check_places(std::vector<Entry>& entries, std::int64_t data_bytes, std::string_view where) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.info.name) < std::tie(b.begin, b.end, b.info.name);
  });
  std::int64_t at = 0;
  const Entry* before = nullptr;
  for (const Entry& entry : entries) {
    if (entry.end > data_bytes) {
      refuse(where, tensor_text(entry.info.name) + " ends at byte " + std::to_string(entry.end) +
                        " of the data, and there are " + std::to_string(data_bytes));
    }
    if (entry.begin < at) {
      refuse(where, tensor_text(entry.info.name) + " overlaps " + tensor_text(before->info.name));
    }
    if (entry.begin > at) {
      refuse(where, "there is a hole of " + std::to_string(entry.begin - at) + " bytes before " +
                        tensor_text(entry.info.name));
    }
    at = entry.end;
    before = &entry;
  }
  if (at != data_bytes) {
    refuse(where, std::to_string(data_bytes - at) + " bytes at the end belong to no tensor");
  }
}

}  // namespace

Header parse_header(std::span<const std::byte> file, std::string_view where) {
  if (file.size() < kLengthBytes) refuse(where, "the file is shorter than a header's length");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  if (length == 0) refuse(where, "the header is empty: the file was never finished");
  if (length > kMostHeaderBytes) {
    refuse(where, "the header claims " + std::to_string(length) + " bytes, more than any has");
  }
  if (length > file.size() - kLengthBytes) {
    refuse(where, "the header claims " + std::to_string(length) + " bytes, and the file has " +
                      std::to_string(file.size()));
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  if (text.front() != '{') refuse(where, "the header is not a JSON object");
  Header header;
  header.data_begin = static_cast<std::int64_t>(kLengthBytes + length);
  HeaderEvents events(header, where);
  read_json(text, std::string(where) + ": the header", events);
  check_places(header.entries, static_cast<std::int64_t>(file.size()) - header.data_begin, where);
  return header;
}

std::string header_bytes(std::span<const Entry> entries,
                         std::span<const std::pair<std::string, std::string>> metadata) {
  std::string text = R"({"__metadata__":{"format":"pt")";
  for (const auto& [key, value] : metadata) text += "," + json_quoted(key) + ":" + json_quoted(value);
  text += "}";
  for (const Entry& entry : entries) {
    text += "," + json_quoted(entry.info.name) + R"(:{"dtype":")";
    text += stored_name(entry.info.dtype);
    text += R"(","shape":[)";
    for (std::size_t i = 0; i < entry.info.shape.size(); ++i) {
      text += (i > 0 ? "," : "") + std::to_string(entry.info.shape[i]);
    }
    text += R"(],"data_offsets":[)" + std::to_string(entry.begin) + "," + std::to_string(entry.end) + "]}";
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > kMostHeaderBytes) {
    throw Error(ErrorCode::unsupported, "the header of a safetensors file would take more than 100 MB",
                "write fewer tensors, or smaller shards");
  }
  const std::uint64_t length = text.size();
  std::string bytes(kLengthBytes, '\0');
  std::memcpy(bytes.data(), &length, kLengthBytes);
  return bytes + text;
}

}  // namespace easylm::safetensors
