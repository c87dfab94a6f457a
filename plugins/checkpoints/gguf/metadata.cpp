// Reads metadata that nobody vouches for, without a copy of it.
#include "metadata.h"

#include <charconv>
#include <limits>
#include <type_traits>

#include "easylm/json.h"

namespace easylm::gguf {
namespace {

constexpr int kDeepestList = 8;
constexpr std::size_t kLongestKey = 65535;           // by the format
constexpr std::size_t kLeastValueBytes = 8 + 4 + 1;  // key, type, the smallest value
constexpr std::uint64_t kMostDescribed = 16;         // items of a list

// Bytes of a value of fixed size; 0 for texts and lists.
std::uint64_t fixed_size(ValueType type) {
  switch (type) {
    case ValueType::u8:
    case ValueType::i8:
    case ValueType::boolean:
      return 1;
    case ValueType::u16:
    case ValueType::i16:
      return 2;
    case ValueType::u32:
    case ValueType::i32:
    case ValueType::f32:
      return 4;
    case ValueType::u64:
    case ValueType::i64:
    case ValueType::f64:
      return 8;
    case ValueType::text:
    case ValueType::list:
      break;
  }
  return 0;
}

std::string key_text(std::string_view key) { return "metadata " + json_quoted(key); }

ValueType take_type(Cursor& cursor, const std::string& what) {
  const auto number = cursor.number<std::uint32_t>(what);
  if (number >= kNumValueTypes) {
    refuse_file(cursor.where(), what + " has a value of the unknown type " + std::to_string(number));
  }
  return static_cast<ValueType>(number);
}

void check_boolean(std::byte value, const Cursor& cursor, const std::string& what) {
  if (std::to_integer<int>(value) > 1) {
    refuse_file(cursor.where(), what + " holds a truth value that is neither 0 nor 1");
  }
}

struct ListHead {
  ValueType item_type;
  std::uint64_t count;
};

ListHead take_list_head(Cursor& cursor, const std::string& what) {
  const ValueType item_type = take_type(cursor, what);
  return {item_type, cursor.number<std::uint64_t>(what)};
}

// Passes over the items of a list, each of which is checked.
void skip_items(Cursor& cursor, ListHead list, int depth, const std::string& what) {
  if (depth > kDeepestList) refuse_file(cursor.where(), what + " nests lists too deep");
  if (const std::uint64_t size = fixed_size(list.item_type); size > 0) {
    if (list.count > cursor.left() / size) {
      refuse_file(cursor.where(),
                  what + " claims " + std::to_string(list.count) + " items, more than the file has");
    }
    for (const std::byte item : cursor.take(list.count * size, what)) {
      if (list.item_type == ValueType::boolean) check_boolean(item, cursor, what);
    }
    return;
  }
  const std::uint64_t least = list.item_type == ValueType::text ? 8 : 12;
  if (list.count > cursor.left() / least) {
    refuse_file(cursor.where(),
                what + " claims " + std::to_string(list.count) + " items, more than the file has");
  }
  for (std::uint64_t i = 0; i < list.count; ++i) {
    if (list.item_type == ValueType::text) {
      cursor.text(what);
    } else {
      skip_items(cursor, take_list_head(cursor, what), depth + 1, what);
    }
  }
}

template <typename Number>
Number number_at(std::span<const std::byte> bytes, std::uint64_t index) {
  Number x{};
  std::memcpy(&x, bytes.data() + index * sizeof x, sizeof x);
  return x;
}

// Item `index` of values of an integer type; none if it is of another type or too large.
std::optional<std::int64_t> integer_at(ValueType type, std::span<const std::byte> bytes,
                                       std::uint64_t index) {
  switch (type) {
    case ValueType::u8:
      return number_at<std::uint8_t>(bytes, index);
    case ValueType::i8:
      return number_at<std::int8_t>(bytes, index);
    case ValueType::u16:
      return number_at<std::uint16_t>(bytes, index);
    case ValueType::i16:
      return number_at<std::int16_t>(bytes, index);
    case ValueType::u32:
      return number_at<std::uint32_t>(bytes, index);
    case ValueType::i32:
      return number_at<std::int32_t>(bytes, index);
    case ValueType::i64:
      return number_at<std::int64_t>(bytes, index);
    case ValueType::u64: {
      const auto x = number_at<std::uint64_t>(bytes, index);
      if (x > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
      return static_cast<std::int64_t>(x);
    }
    default:
      return std::nullopt;
  }
}

// The shortest decimal number that rounds to `x`: 1e-05 where a file holds its nearest fp32.
double as_written(float x) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), x).ptr;
  double shortest = x;
  std::from_chars(text, end, shortest);
  return shortest;
}

std::optional<double> real_at(ValueType type, std::span<const std::byte> bytes, std::uint64_t index) {
  if (type == ValueType::f32) return as_written(number_at<float>(bytes, index));
  if (type == ValueType::f64) return number_at<double>(bytes, index);
  return std::nullopt;
}

std::string item_text(ValueType type, Cursor& cursor) {
  if (type == ValueType::text) return std::string(cursor.text("a text"));
  if (type == ValueType::list) {
    const ListHead list = take_list_head(cursor, "a list");
    skip_items(cursor, list, 0, "a list");
    return "[" + std::to_string(list.count) + " items]";
  }
  const auto bytes = cursor.take(fixed_size(type), "a value");
  if (type == ValueType::boolean) return bytes.front() == std::byte{0} ? "false" : "true";
  if (const auto integer = integer_at(type, bytes, 0)) return std::to_string(*integer);
  if (type == ValueType::u64) return std::to_string(number_at<std::uint64_t>(bytes, 0));
  char text[32];
  const double x = real_at(type, bytes, 0).value_or(0);
  return {std::begin(text), std::to_chars(std::begin(text), std::end(text), x).ptr};
}

}  // namespace

Metadata::Metadata(Cursor& cursor, std::uint64_t count) : where_(cursor.where()) {
  if (count > cursor.left() / kLeastValueBytes) {
    refuse_file(where_, "claims " + std::to_string(count) + " values of metadata, more than the file has");
  }
  values_.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    MetadataValue value;
    value.key = cursor.text("the key of a value of metadata");
    if (value.key.empty() || value.key.size() > kLongestKey) {
      refuse_file(where_, "a value of metadata has a key of " + std::to_string(value.key.size()) + " bytes");
    }
    const std::string what = key_text(value.key);
    if (!index_.emplace(value.key, values_.size()).second) refuse_file(where_, what + " appears twice");
    value.type = take_type(cursor, what);
    ListHead list{value.type, 1};
    if (value.type == ValueType::list) {
      list = take_list_head(cursor, what);
      value.item_type = list.item_type;
      value.count = list.count;
    }
    Cursor items = cursor;
    skip_items(cursor, list, 0, what);
    value.bytes = items.take(cursor.at() - items.at(), what);
    values_.push_back(value);
  }
}

void Metadata::refuse(std::string_view key, const std::string& reason) const {
  refuse_file(where_, key_text(key) + " " + reason);
}

const MetadataValue* Metadata::find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &values_[found->second];
}

const MetadataValue* Metadata::find_list(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value != nullptr && value->type != ValueType::list) refuse(key, "is not a list");
  return value;
}

std::optional<std::int64_t> Metadata::integer(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto x = integer_at(value->type, value->bytes, 0);
  if (!x) refuse(key, "is not an integer that fits 64 bits");
  return x;
}

std::optional<double> Metadata::real(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto x = real_at(value->type, value->bytes, 0);
  if (!x) refuse(key, "is not a floating point number");
  return x;
}

std::optional<bool> Metadata::boolean(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != ValueType::boolean) refuse(key, "is not a truth value");
  return value->bytes.front() != std::byte{0};
}

std::optional<std::string_view> Metadata::text(std::string_view key) const {
  const MetadataValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != ValueType::text) refuse(key, "is not a text");
  return Cursor(value->bytes, where_).text(key);
}

std::optional<std::vector<std::string_view>> Metadata::texts(std::string_view key) const {
  const MetadataValue* value = find_list(key);
  if (value == nullptr) return std::nullopt;
  if (value->item_type != ValueType::text) refuse(key, "is not a list of texts");
  std::vector<std::string_view> items;
  items.reserve(static_cast<std::size_t>(value->count));
  Cursor cursor(value->bytes, where_);
  for (std::uint64_t i = 0; i < value->count; ++i) items.push_back(cursor.text(key));
  return items;
}

std::optional<std::vector<std::int64_t>> Metadata::integers(std::string_view key) const {
  const MetadataValue* value = find_list(key);
  if (value == nullptr) return std::nullopt;
  std::vector<std::int64_t> items;
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto x = integer_at(value->item_type, value->bytes, i);
    if (!x) refuse(key, "is not a list of integers that fit 64 bits");
    items.push_back(*x);
  }
  return items;
}

std::optional<std::vector<double>> Metadata::reals(std::string_view key) const {
  const MetadataValue* value = find_list(key);
  if (value == nullptr) return std::nullopt;
  std::vector<double> items;
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto x = real_at(value->item_type, value->bytes, i);
    if (!x) refuse(key, "is not a list of floating point numbers");
    items.push_back(*x);
  }
  return items;
}

std::vector<std::pair<std::string, std::string>> Metadata::described() const {
  std::vector<std::pair<std::string, std::string>> described;
  for (const MetadataValue& value : values_) {
    Cursor cursor(value.bytes, where_);
    std::string text;
    if (value.type != ValueType::list) {
      text = item_text(value.type, cursor);
    } else if (value.count > kMostDescribed) {
      text = "[" + std::to_string(value.count) + " items]";
    } else {
      for (std::uint64_t i = 0; i < value.count; ++i) {
        if (i > 0) text += ", ";
        text += item_text(value.item_type, cursor);
      }
      text.insert(0, 1, '[');
      text += ']';
    }
    described.emplace_back(value.key, std::move(text));
  }
  return described;
}

}  // namespace easylm::gguf
