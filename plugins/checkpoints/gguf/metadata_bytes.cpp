// Appends one value after the other.
#include "metadata_bytes.h"

#include <limits>

#include "easylm/error.h"

namespace easylm::gguf {

void append_text(std::string& bytes, std::string_view text) {
  append_number<std::uint64_t>(bytes, text.size());
  bytes.append(text);
}

void MetadataBytes::begin(std::string_view key, ValueType type) {
  EASYLM_CHECK(keys_.emplace(key).second, "metadata '" + std::string(key) + "' is written twice");
  append_text(bytes_, key);
  append_number(bytes_, static_cast<std::uint32_t>(type));
}

void MetadataBytes::begin_list(std::string_view key, ValueType item_type, std::size_t count) {
  begin(key, ValueType::list);
  append_number(bytes_, static_cast<std::uint32_t>(item_type));
  append_number<std::uint64_t>(bytes_, count);
}

void MetadataBytes::add_u32(std::string_view key, std::int64_t x) {
  if (x < 0 || x > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::unsupported,
                "GGUF can't hold " + std::to_string(x) + " as " + std::string(key) + ", which has 32 bits",
                "choose another format");
  }
  begin(key, ValueType::u32);
  append_number(bytes_, static_cast<std::uint32_t>(x));
}

void MetadataBytes::add_f32(std::string_view key, double x) {
  begin(key, ValueType::f32);
  append_number(bytes_, static_cast<float>(x));
}

void MetadataBytes::add_boolean(std::string_view key, bool x) {
  begin(key, ValueType::boolean);
  append_number(bytes_, static_cast<std::uint8_t>(x ? 1 : 0));
}

void MetadataBytes::add_text(std::string_view key, std::string_view text) {
  begin(key, ValueType::text);
  append_text(bytes_, text);
}

void MetadataBytes::add_texts(std::string_view key, std::span<const std::string> texts) {
  begin_list(key, ValueType::text, texts.size());
  for (const std::string& text : texts) append_text(bytes_, text);
}

void MetadataBytes::add_i32s(std::string_view key, std::span<const std::int32_t> numbers) {
  begin_list(key, ValueType::i32, numbers.size());
  for (const std::int32_t x : numbers) append_number(bytes_, x);
}

void MetadataBytes::add_f32s(std::string_view key, std::span<const float> numbers) {
  begin_list(key, ValueType::f32, numbers.size());
  for (const float x : numbers) append_number(bytes_, x);
}

}  // namespace easylm::gguf
