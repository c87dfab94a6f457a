// Scanners for the patterns of GPT-2, Llama 3, Qwen 2, Mistral's Tekken and their relatives.
#include "word_scanner.h"

#include <array>

#include "unicode.h"

namespace easylm::tokenizers::bpe {

const std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

constexpr ClassBits kNotSymbol = kLetter | kNumber | kSpace;
constexpr char32_t kLongS = 0x17F;  // is an s where case doesn't count

struct Cursor {
  std::string_view text;
  const ClassBits* classes;

  Utf8Char at(std::size_t i) const { return char_at(text, i); }
  ClassBits bits(std::size_t i) const {
    const auto byte = static_cast<unsigned char>(text[i]);
    return classes[byte < 0x80 ? byte : char_at(text, i).code];
  }
  // The end of the run of characters from `i` on that have one of these bits (none of them, for run_without).
  std::size_t run_of(std::size_t i, ClassBits wanted) const {
    while (i < text.size()) {
      const Utf8Char c = at(i);
      if ((classes[c.code] & wanted) == 0) break;
      i += c.size;
    }
    return i;
  }
  std::size_t run_without(std::size_t i, ClassBits unwanted) const {
    while (i < text.size()) {
      const Utf8Char c = at(i);
      if ((classes[c.code] & unwanted) != 0) break;
      i += c.size;
    }
    return i;
  }
};

bool is_newline(char32_t c) { return c == '\r' || c == '\n'; }

// 's|'t|'re|'ve|'m|'ll|'d: its size at `i`, where an apostrophe is; 0 if it is none.
std::size_t contraction(std::string_view text, std::size_t i) {
  const std::size_t left = text.size() - i;
  if (left < 2) return 0;
  const char a = text[i + 1];
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
  if (left < 3) return 0;
  const char b = text[i + 2];
  return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// The same in either case.
std::size_t contraction_any_case(std::string_view text, std::size_t i) {
  const char pair[3] = {'\'', i + 1 < text.size() ? lower(text[i + 1]) : '\0',
                        i + 2 < text.size() ? lower(text[i + 2]) : '\0'};
  if (const std::size_t size = contraction({pair, 3}, 0)) return size;
  return i + 1 < text.size() && char_at(text, i + 1).code == kLongS ? 3 : 0;
}

// \s+(?!\S)|\s+ from `i` to the end `end` of the run of white space: the last character is left to what
// follows, unless nothing does or it is alone.
std::size_t spaces_before_word(std::string_view text, std::size_t i, std::size_t end) {
  if (end == text.size()) return end;
  std::size_t last = end - 1;
  while ((static_cast<unsigned char>(text[last]) & 0xC0U) == 0x80) --last;
  return last > i ? last : end;
}

struct Gpt2 {
  static std::size_t next(const Cursor& cursor, std::size_t i) {
    const std::string_view text = cursor.text;
    const std::size_t begin = i;
    if (text[i] == '\'') {
      if (const std::size_t size = contraction(text, i)) return i + size;
    }
    if (text[i] == ' ' && i + 1 < text.size()) ++i;
    const ClassBits bits = cursor.bits(i);
    if ((bits & kLetter) != 0) return cursor.run_of(i, kLetter);
    if ((bits & kNumber) != 0) return cursor.run_of(i, kNumber);
    if ((bits & kSpace) == 0) return cursor.run_without(i, kNotSymbol);
    return spaces_before_word(text, begin, cursor.run_of(begin, kSpace));
  }
};

// [^\r\n\p{L}\p{N}]?\p{L}+ |  ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+, with numbers between.
struct Cl100kTail {
  // The end of a word of symbols and of the newlines after it; `also` may follow too.
  static std::size_t symbols(const Cursor& cursor, std::size_t i, char also) {
    i = cursor.run_without(i, kNotSymbol);
    while (i < cursor.text.size() && (is_newline(static_cast<unsigned char>(cursor.text[i])) ||
                                      (also != '\0' && cursor.text[i] == also))) {
      ++i;
    }
    return i;
  }

  // From `begin` on, where white space is.
  static std::size_t spaces(const Cursor& cursor, std::size_t begin) {
    const std::size_t end = cursor.run_of(begin, kSpace);
    for (std::size_t i = end; i > begin; --i) {
      if (is_newline(static_cast<unsigned char>(cursor.text[i - 1]))) return i;
    }
    return spaces_before_word(cursor.text, begin, end);
  }
};

// Up to kDigits numeric characters together.
template <int kDigits>
struct Cl100k {
  static std::size_t next(const Cursor& cursor, std::size_t i) {
    const std::string_view text = cursor.text;
    if (text[i] == '\'') {
      if (const std::size_t size = contraction_any_case(text, i)) return i + size;
    }
    const Utf8Char first = cursor.at(i);
    const ClassBits bits = cursor.classes[first.code];
    if ((bits & kLetter) != 0) return cursor.run_of(i, kLetter);
    if ((bits & kNumber) != 0) return numbers(cursor, i);
    const std::size_t second = i + first.size;
    if (second < text.size() && !is_newline(first.code)) {
      const ClassBits next_bits = cursor.bits(second);
      if ((next_bits & kLetter) != 0) return cursor.run_of(second, kLetter);
      if (first.code == ' ' && (next_bits & kNotSymbol) == 0)
        return Cl100kTail::symbols(cursor, second, '\0');
    }
    if ((bits & kSpace) == 0) return Cl100kTail::symbols(cursor, i, '\0');
    return Cl100kTail::spaces(cursor, i);
  }

  static std::size_t numbers(const Cursor& cursor, std::size_t i) {
    for (int digits = 0; digits < kDigits && i < cursor.text.size() && (cursor.bits(i) & kNumber) != 0;
         ++digits) {
      i += cursor.at(i).size;
    }
    return i;
  }
};

// [..]?U*L+ | [..]?U+L*, where U is what may stand in front (capitals, marks, …) and L what may follow
// (small letters, marks, …); letters without case and marks are both.
struct Tekken {
  static std::size_t next(const Cursor& cursor, std::size_t i) {
    const std::string_view text = cursor.text;
    const Utf8Char first = cursor.at(i);
    const ClassBits bits = cursor.classes[first.code];
    const std::size_t second = i + first.size;
    const bool may_lead = (bits & (kLetter | kNumber)) == 0 && !is_newline(first.code);
    if (may_lead && second < text.size() && (cursor.bits(second) & (kUpperLike | kLowerLike)) != 0) {
      return word(cursor, i, second);
    }
    if ((bits & (kUpperLike | kLowerLike)) != 0) return word(cursor, i, i);
    if ((bits & kNumber) != 0) return second;
    if (first.code == ' ' && second < text.size() && (cursor.bits(second) & kNotSymbol) == 0) {
      return Cl100kTail::symbols(cursor, second, '/');
    }
    if ((bits & kSpace) == 0) return Cl100kTail::symbols(cursor, i, '/');
    return Cl100kTail::spaces(cursor, i);
  }

  // `begin` is where the word is, after what leads it at `lead`. Without a small letter after U*, L+ takes
  // the last character that is in both, be it the leading mark; without any, the second form takes all of U+.
  static std::size_t word(const Cursor& cursor, std::size_t lead, std::size_t begin) {
    const std::size_t end = cursor.run_of(begin, kUpperLike);
    if (end < cursor.text.size() && (cursor.bits(end) & kLowerLike) != 0)
      return cursor.run_of(end, kLowerLike);
    for (std::size_t i = end; i > begin;) {
      const Utf8Char last = char_before(cursor.text, i);
      if ((cursor.classes[last.code] & kLowerLike) != 0) return i;
      i -= last.size;
    }
    return lead < begin && (cursor.bits(lead) & kLowerLike) != 0 ? begin : end;
  }
};

struct EachDigit {
  static std::size_t next(const Cursor& cursor, std::size_t i) {
    const Utf8Char first = cursor.at(i);
    if ((cursor.classes[first.code] & kNumber) != 0) return i + first.size;
    return cursor.run_without(i, kNumber);
  }
};

template <typename Rules>
class RuleScanner final : public WordScanner {
 public:
  std::size_t scan(std::string_view text, std::size_t at, std::span<std::uint32_t> ends) const override {
    const Cursor cursor{text, classes_};
    std::size_t count = 0;
    while (at < text.size() && count < ends.size()) {
      at = Rules::next(cursor, at);
      ends[count++] = static_cast<std::uint32_t>(at);
    }
    return count;
  }

 private:
  const ClassBits* classes_ = character_classes();
};

struct Known {
  std::string_view pattern;
  std::unique_ptr<WordScanner> (*make)();
};

template <typename Rules>
std::unique_ptr<WordScanner> make_rules() {
  return std::make_unique<RuleScanner<Rules>>();
}

const std::array<Known, 6> kKnown = {{
    {kGpt2Pattern, make_rules<Gpt2>},
    {R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", make_rules<Gpt2>},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     make_rules<Cl100k<3>>},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     make_rules<Cl100k<1>>},
    {R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     make_rules<Tekken>},
    {R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     make_rules<Cl100k<3>>},
}};

}  // namespace

std::unique_ptr<WordScanner> make_known_scanner(std::string_view pattern) {
  for (const Known& known : kKnown) {
    if (known.pattern == pattern) return known.make();
  }
  return nullptr;
}

std::unique_ptr<WordScanner> make_digit_scanner() { return make_rules<EachDigit>(); }

}  // namespace easylm::tokenizers::bpe
