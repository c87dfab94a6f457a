// Oniguruma's Ruby syntax in PCRE2's: the same classes of characters, and no where both read differently.
#include <array>
#include <string>

#include "easylm/error.h"
#include "regex.h"

namespace easylm::tokenizers::bpe {
namespace {

// Within brackets. White space without U+180E, which PCRE2's \s adds; letters with the marks, numbers and
// connectors that its \w lacks.
constexpr std::string_view kSpaces = R"(\t-\r\x{85}\p{Z})";
constexpr std::string_view kWords =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189})";
constexpr std::string_view kHex = "0-9A-Fa-f";

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : pattern_(pattern), where_(where) {}

  std::string translate() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        escape();
      } else if (in_class_) {
        class_character(c);
      } else if (c == '[') {
        open_class();
      } else if (c == '(' && pattern_.substr(at_, 2) == "(?") {
        group();
      } else if (c == '}' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] == '+') {
        refuse("a + after {…}, which isn't possessive there");
      } else {
        out_ += c;
        ++at_;
      }
    }
    return out_;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(
        ErrorCode::unsupported,
        where_ + ": the pattern " + std::string(pattern_) + " uses " + what + ", which can't be read here",
        "only patterns that both Oniguruma and PCRE2 understand can be used");
  }

  void open_class() {
    in_class_ = true;
    out_ += '[';
    ++at_;
    if (at_ < pattern_.size() && pattern_[at_] == '^') out_ += pattern_[at_++];
    if (at_ < pattern_.size() && pattern_[at_] == ']') refuse("] as the first of a class");
  }

  void class_character(char c) {
    if (c == '[') refuse("a class within a class");
    if (pattern_.substr(at_, 2) == "&&") refuse("&& within a class");
    if (c == ']') in_class_ = false;
    out_ += c;
    ++at_;
  }

  // Only what means the same in both: (?: (?= (?! (?<= (?<! (?> and (?i: .
  void group() {
    for (const std::string_view same :
         {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?i)", "(?-i:"}) {
      if (pattern_.substr(at_, same.size()) == same) {
        out_ += same;
        at_ += same.size();
        return;
      }
    }
    refuse("the group " + std::string(pattern_.substr(at_, 4)) + "…");
  }

  void put_class(std::string_view members, bool negated) {
    if (in_class_ && negated) refuse("\\S, \\W or \\H within a class");
    if (in_class_) {
      out_ += members;
    } else {
      out_ += (negated ? "[^" : "[") + std::string(members) + "]";
    }
  }

  void escape() {
    if (at_ + 1 >= pattern_.size()) refuse("a \\ at its end");
    const char c = pattern_[at_ + 1];
    at_ += 2;
    switch (c) {
      case 's':
      case 'S':
        return put_class(kSpaces, c == 'S');
      case 'w':
      case 'W':
        return put_class(kWords, c == 'W');
      case 'h':
      case 'H':
        return put_class(kHex, c == 'H');
      case 'p':
      case 'P':
        return property(c);
      default:
        break;
    }
    constexpr std::string_view kSame = "dDrntfvaeAzZbBx0";
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (kLetters.find(c) != std::string_view::npos && kSame.find(c) == std::string_view::npos) {
      refuse(std::string("\\") + c);
    }
    if (c == 'v') {
      out_ += "\\x0B";  // PCRE2's \v is any vertical space
    } else {
      out_ += {'\\', c};
    }
  }

  // General categories have short names; what has a long one is a script, and Oniguruma knows no extensions.
  void property(char kind) {
    const std::size_t close = pattern_.find('}', at_);
    if (at_ >= pattern_.size() || pattern_[at_] != '{' || close == std::string_view::npos)
      refuse("\\p without {…}");
    const std::string_view name = pattern_.substr(at_ + 1, close - at_ - 1);
    const bool is_category = name.size() <= (name.starts_with('^') ? 3U : 2U);
    out_ += {'\\', kind, '{'};
    if (!is_category) out_ += "sc:";
    out_ += name;
    out_ += '}';
    at_ = close + 1;
  }

  std::string_view pattern_;
  const std::string& where_;
  std::size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

std::string to_pcre2(std::string_view pattern, const std::string& where) {
  return Translator(pattern, where).translate();
}

}  // namespace easylm::tokenizers::bpe
