// Metadata as a file holds it, put together value by value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "metadata.h"

namespace easylm::gguf {

// Little-endian numbers and texts with their length, appended to `bytes`.
template <typename Number>
void append_number(std::string& bytes, Number x) {
  bytes.append(reinterpret_cast<const char*>(&x), sizeof x);
}
void append_text(std::string& bytes, std::string_view text);

// Every method throws Error{internal} if the key is there already.
class MetadataBytes {
 public:
  void add_u32(std::string_view key, std::int64_t x);  // throws Error{unsupported} if it doesn't fit
  void add_f32(std::string_view key, double x);
  void add_boolean(std::string_view key, bool x);
  void add_text(std::string_view key, std::string_view text);
  void add_texts(std::string_view key, std::span<const std::string> texts);
  void add_i32s(std::string_view key, std::span<const std::int32_t> numbers);
  void add_f32s(std::string_view key, std::span<const float> numbers);

  std::uint64_t count() const { return keys_.size(); }
  const std::string& bytes() const { return bytes_; }

 private:
  void begin(std::string_view key, ValueType type);
  void begin_list(std::string_view key, ValueType item_type, std::size_t count);

  std::string bytes_;
  std::unordered_set<std::string> keys_;
};

}  // namespace easylm::gguf
