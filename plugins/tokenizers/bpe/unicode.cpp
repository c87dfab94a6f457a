// UTF-8, and the classes of characters that tokenizers split by.
#include "unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace easylm::tokenizers::bpe {
namespace {

// Letters that have the category of a symbol: circled, squared and the like.
bool is_alphabetic_symbol(char32_t code) {
  return (code >= 0x24B6 && code <= 0x24E9) || (code >= 0x1F130 && code <= 0x1F149) ||
         (code >= 0x1F150 && code <= 0x1F169) || (code >= 0x1F170 && code <= 0x1F189);
}

bool is_space(char32_t code, int category) {
  return (code >= 9 && code <= 13) || code == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
         category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

ClassBits class_of_category(int category) {
  switch (category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return kLetter | kUpperLike | kWord;
    case UTF8PROC_CATEGORY_LL:
      return kLetter | kLowerLike | kWord;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return kLetter | kUpperLike | kLowerLike | kWord;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return kUpperLike | kLowerLike | kWord;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
      return kNumber | kWord;
    case UTF8PROC_CATEGORY_NO:
      return kNumber;
    case UTF8PROC_CATEGORY_PC:
      return kWord | kPunctuation;
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return kPunctuation;
    default:
      return 0;
  }
}

ClassBits class_of(char32_t code) {
  const auto category = static_cast<int>(utf8proc_category(static_cast<utf8proc_int32_t>(code)));
  ClassBits bits = class_of_category(category);
  if (is_space(code, category)) bits |= kSpace;
  if (is_alphabetic_symbol(code)) bits |= kWord;
  if (code < 0x80 && code > ' ' && code != 0x7F && (bits & (kLetter | kNumber)) == 0) bits |= kPunctuation;
  return bits;
}

std::unique_ptr<ClassBits[]> make_classes() {
  auto classes = std::make_unique<ClassBits[]>(kNumCodePoints);
  for (char32_t code = 0; code < 0x40000; ++code) classes[code] = class_of(code);
  for (char32_t code = 0xE0000; code < 0xE1000; ++code) classes[code] = class_of(code);
  return classes;  // in all other planes nothing is assigned but private use
}

bool is_continuation(unsigned char c) { return (c & 0xC0U) == 0x80; }

struct Sequence {
  std::size_t size;  // bytes that belong together
  bool valid;
};

// The character, or the longest beginning of one, at the front of `text`.
Sequence sequence_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, true};
  if (first < 0xC2 || first > 0xF4) return {1, false};
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (text.size() < 2 || byte(1) < low || byte(1) > high) return {1, false};
  for (std::size_t i = 2; i < size; ++i) {
    if (i >= text.size() || !is_continuation(byte(i))) return {i, false};
  }
  return {size, true};
}

// The first byte from `at` on that is no UTF-8; the size of the text if there is none.
std::size_t valid_until(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    if (at + 8 <= text.size()) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080U) == 0) {
        at += 8;
        continue;
      }
    }
    const Sequence sequence = sequence_at(text.substr(at));
    if (!sequence.valid) return at;
    at += sequence.size;
  }
  return at;
}

}  // namespace

const ClassBits* character_classes() {
  static const std::unique_ptr<ClassBits[]> classes = make_classes();
  return classes.get();
}

void append_utf8(std::string& text, char32_t code) {
  utf8proc_uint8_t bytes[4];
  const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code), bytes);
  for (utf8proc_ssize_t i = 0; i < size; ++i) text += static_cast<char>(bytes[i]);
}

CleanText::CleanText(std::string_view source) : text_(source) {
  std::size_t good = valid_until(source, 0);
  if (good == source.size()) return;
  std::size_t at = 0;
  while (true) {
    repaired_ += source.substr(at, good - at);
    if (good == source.size()) break;
    at = good + sequence_at(source.substr(good)).size;
    repaired_ += kReplacement;
    edits_.push_back({repaired_.size(), at});
    good = valid_until(source, at);
  }
  text_ = repaired_;
}

std::int64_t CleanText::source_position(std::size_t at) const {
  const auto after = std::upper_bound(edits_.begin(), edits_.end(), at,
                                      [](std::size_t x, const Edit& edit) { return x < edit.clean_end; });
  const std::size_t position =
      after == edits_.begin() ? at : at - std::prev(after)->clean_end + std::prev(after)->source_end;
  return static_cast<std::int64_t>(position);
}

std::string clean_utf8(std::string_view text) { return std::string(CleanText(text).text()); }

}  // namespace easylm::tokenizers::bpe
