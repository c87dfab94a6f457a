// UTF-8, and the classes of characters that tokenizers split by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::tokenizers::bpe {

using ClassBits = std::uint8_t;
inline constexpr ClassBits kLetter = 1;        // \p{L}
inline constexpr ClassBits kNumber = 2;        // \p{N}
inline constexpr ClassBits kSpace = 4;         // White_Space
inline constexpr ClassBits kUpperLike = 8;     // Lu Lt Lm Lo M
inline constexpr ClassBits kLowerLike = 16;    // Ll Lm Lo M
inline constexpr ClassBits kWord = 32;         // \w
inline constexpr ClassBits kPunctuation = 64;  // \p{P}, and what ASCII calls punctuation

inline constexpr char32_t kNumCodePoints = 0x110000;
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The classes of every code point, made from utf8proc at the first call. [any-thread]
const ClassBits* character_classes();

struct Utf8Char {
  char32_t code = 0;
  std::uint32_t size = 0;
};

// The character that begins at `at`. REQUIRES: valid UTF-8.
inline Utf8Char char_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {((first & 0x1FU) << 6U) | (byte(1) & 0x3FU), 2};
  if (first < 0xF0) return {((first & 0xFU) << 12U) | ((byte(1) & 0x3FU) << 6U) | (byte(2) & 0x3FU), 3};
  return {((first & 7U) << 18U) | ((byte(1) & 0x3FU) << 12U) | ((byte(2) & 0x3FU) << 6U) | (byte(3) & 0x3FU),
          4};
}

// The character that ends before `end`.
inline Utf8Char char_before(std::string_view text, std::size_t end) {
  std::size_t at = end - 1;
  while ((static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
  return char_at(text, at);
}

void append_utf8(std::string& text, char32_t code);

// A text without the bytes that are no UTF-8: U+FFFD stands for each of their longest beginnings of a
// character. Refers to `source`, which must live as long.
class CleanText {
 public:
  explicit CleanText(std::string_view source);
  CleanText(const CleanText&) = delete;
  CleanText& operator=(const CleanText&) = delete;

  std::string_view text() const { return text_; }
  // Where a position of text() lies in the source.
  std::int64_t source_position(std::size_t at) const;

 private:
  struct Edit {
    std::size_t clean_end, source_end;  // after the U+FFFD, after the bytes it stands for
  };
  std::string_view text_;
  std::string repaired_;
  std::vector<Edit> edits_;
};

// The same without a way back.
std::string clean_utf8(std::string_view text);

}  // namespace easylm::tokenizers::bpe
