// Runs a style's pattern over texts, with PCRE2.
#include "word_counter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string>

#include "easylm/error.h"
#include "easylm/utf8.h"

namespace easylm::stages {
namespace {

// Unicode's White_Space. PCRE2's own \s also takes U+180E, which other libraries don't.
constexpr std::string_view kSpaces =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

// The pattern with that in the place of \s and \S, within a class or outside of one.
std::string with_spaces(const std::string& pattern) {
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && (pattern[i + 1] == 's' || pattern[i + 1] == 'S')) {
      const std::string negated = pattern[++i] == 'S' ? "[^" : "[";
      out += in_class ? std::string(kSpaces) : negated + std::string(kSpaces) + "]";
      continue;
    }
    if (c == '[') in_class = true;
    if (c == ']') in_class = false;
    out += c;
  }
  return out;
}

std::string repaired(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    append_utf8(out, next.value);
    text.remove_prefix(next.size);
  }
  return out;
}

std::string marked(std::string_view text) {
  std::string out(kSpaceMark);
  for (const char c : text) c == ' ' ? out += kSpaceMark : out += c;
  return out;
}

}  // namespace

struct WordCounter::Pattern {
  explicit Pattern(const std::string& text) {
    int problem = 0;
    std::size_t at = 0;
    const std::string full = with_spaces(text);
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(full.data()), full.size(), PCRE2_UTF | PCRE2_UCP,
                         &problem, &at, nullptr);
    EASYLM_CHECK(code != nullptr, "a style's pattern is wrong at " + std::to_string(at));
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    match = pcre2_match_data_create_from_pattern(code, nullptr);
    EASYLM_CHECK(match != nullptr, "PCRE2 has no memory");
  }
  ~Pattern() {
    pcre2_match_data_free(match);
    pcre2_code_free(code);
  }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  pcre2_code* code = nullptr;
  pcre2_match_data* match = nullptr;
};

WordCounter::WordCounter(const TokenizerStyle& style)
    : style_(style), pattern_(std::make_unique<Pattern>(style.pattern)) {}

WordCounter::~WordCounter() = default;

void WordCounter::add(std::string_view text) {
  if (text.empty()) return;
  std::string copy;
  if (!is_utf8(text)) text = copy = repaired(text);
  if (!style_.byte_level) text = copy = marked(text);
  add_words(text);
}

// The patterns leave nothing out.
void WordCounter::add_words(std::string_view text) {
  std::string word;
  for (std::size_t at = 0; at < text.size();) {
    const int found = pcre2_match(pattern_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                  PCRE2_NO_UTF_CHECK, pattern_->match, nullptr);
    const std::size_t* range = pcre2_get_ovector_pointer(pattern_->match);
    EASYLM_CHECK(found > 0 && range[0] == at && range[1] > at,
                 "style " + style_.name + " finds no word at byte " + std::to_string(at));
    word.assign(text, at, range[1] - at);
    ++counts_[word];
    at = range[1];
  }
}

WordCounts WordCounter::finish() {
  if (!style_.byte_level) return std::move(counts_);
  WordCounts lettered;
  lettered.reserve(counts_.size());
  for (const auto& [word, count] : counts_) {
    std::string letters;
    for (const char c : word) letters += byte_letters()[static_cast<unsigned char>(c)];
    lettered.emplace(std::move(letters), count);
  }
  return lettered;
}

}  // namespace easylm::stages
