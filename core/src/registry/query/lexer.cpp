// Cuts a query into tokens.
#include "registry/query/lexer.h"

#include <algorithm>
#include <array>

#include "easylm/error.h"

namespace easylm::query {
namespace {

constexpr std::array<std::string_view, 9> kSymbols = {"!=", "<=", ">=", "=", "<", ">", "(", ")", ","};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool begins_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
// Keys of tags, metrics and configurations have dots, dashes and slashes in them.
bool is_in_word(char c) { return begins_word(c) || is_digit(c) || c == '.' || c == '-' || c == '/'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    for (skip_space(); at_ < source_.size(); skip_space()) tokens.push_back(next());
    tokens.push_back({TokenKind::end, {}, {source_.size(), 1}});
    return tokens;
  }

 private:
  void skip_space() {
    while (at_ < source_.size() && is_space(source_[at_])) ++at_;
  }

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  Token take(TokenKind kind, std::size_t length) {
    Token token{kind, std::string(source_.substr(at_, length)), {at_, length}};
    at_ += length;
    return token;
  }

  std::size_t length_while(bool (*belongs)(char), std::size_t length) const {
    while (at_ + length < source_.size() && belongs(source_[at_ + length])) ++length;
    return length;
  }

  Token next() {
    const char c = peek();
    if (c == '"' || c == '\'') return quoted(c);
    if (begins_word(c)) return take(TokenKind::word, length_while(is_in_word, 1));
    if (is_digit(c) || (c == '-' && is_digit(peek(1)))) return number();
    for (const std::string_view symbol : kSymbols) {
      if (source_.substr(at_, symbol.size()) == symbol) return take(TokenKind::symbol, symbol.size());
    }
    refuse(source_, {at_, 1}, "nothing begins with this character",
           "compare a field with = != < <= > >=, and put texts into quotes");
  }

  // A quote in a text is written twice.
  Token quoted(char quote) {
    const std::size_t start = at_;
    std::string text;
    for (++at_; at_ < source_.size(); ++at_) {
      if (source_[at_] != quote) {
        text += source_[at_];
      } else if (peek(1) == quote) {
        text += quote;
        ++at_;
      } else {
        ++at_;
        return {TokenKind::text, std::move(text), {start, at_ - start}};
      }
    }
    refuse(source_, {start, 1}, "this text has no end", std::string("close it with ") + quote);
  }

  Token number() {
    std::size_t length = 1;
    const auto belongs = [&](std::size_t i) {
      const char c = source_[i];
      return is_in_word(c) || (c == '+' && (source_[i - 1] == 'e' || source_[i - 1] == 'E'));
    };
    while (at_ + length < source_.size() && belongs(at_ + length)) ++length;
    return take(TokenKind::number, length);
  }

  std::string_view source_;
  std::size_t at_ = 0;
};

// How many characters wide UTF-8 text is.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

void refuse(std::string_view source, Spot spot, const std::string& message, const std::string& hint) {
  std::string shown(source.substr(0, kMaxLength));
  std::ranges::replace_if(
      shown, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  const std::size_t at = std::min(spot.at, shown.size());
  const std::size_t wide = std::max<std::size_t>(1, width(std::string_view(shown).substr(at, spot.length)));
  const std::string carets =
      std::string(width(std::string_view(shown).substr(0, at)), ' ') + std::string(wide, '^');
  throw Error(ErrorCode::invalid_config, "in the query: " + message + "\n  " + shown + "\n  " + carets, hint);
}

std::vector<Token> tokenize(std::string_view source) {
  if (source.size() > kMaxLength) {
    throw Error(ErrorCode::invalid_config,
                "a query of " + std::to_string(source.size()) + " bytes is too long: at most " +
                    std::to_string(kMaxLength),
                "ask for less at once, or use easylm registry sql");
  }
  return Lexer(source).run();
}

}  // namespace easylm::query
