// The metadata of a GGUF file: named values of thirteen types, left where they lie in the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cursor.h"

namespace easylm::gguf {

enum class ValueType : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  text,
  list,
  u64,
  i64,
  f64  // as numbered in files
};
inline constexpr std::uint32_t kNumValueTypes = 13;

struct MetadataValue {
  std::string_view key;
  ValueType type = ValueType::u8;
  ValueType item_type = ValueType::u8;  // of a list
  std::uint64_t count = 0;              // of a list
  std::span<const std::byte> bytes;     // the value, or the items of the list
};

// Refers to the file's bytes: valid as long as they are. What is asked for under a wrong type throws
// Error{corrupt} that names file and key; what isn't there is none.
class Metadata {
 public:
  // Reads `count` values at the cursor and checks all of them, nested lists too.
  Metadata(Cursor& cursor, std::uint64_t count);

  std::span<const MetadataValue> values() const { return values_; }
  const std::string& where() const { return where_; }
  const MetadataValue* find(std::string_view key) const;  // null if absent

  std::optional<std::int64_t> integer(std::string_view key) const;  // of any integer type
  std::optional<double> real(std::string_view key) const;           // of a floating point type
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> text(std::string_view key) const;
  std::optional<std::vector<std::string_view>> texts(std::string_view key) const;
  std::optional<std::vector<std::int64_t>> integers(std::string_view key) const;
  std::optional<std::vector<double>> reals(std::string_view key) const;

  // For people: key and value, long lists by their length.
  std::vector<std::pair<std::string, std::string>> described() const;

  [[noreturn]] void refuse(std::string_view key, const std::string& reason) const;  // Error{corrupt}

 private:
  const MetadataValue* find_list(std::string_view key) const;

  std::string where_;
  std::vector<MetadataValue> values_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

}  // namespace easylm::gguf
