// Cuts a query into words, numbers, texts and symbols.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::query {

inline constexpr std::size_t kMaxLength = 4096;  // bytes of a query

// Where in the query something stands.
struct Spot {
  std::size_t at = 0, length = 1;
};

enum class TokenKind { word, number, text, symbol, end };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string text;  // of a text: without its quotes
  Spot spot;
};

// Throws Error{invalid_config}: the message, then the query with a caret under the spot.
[[noreturn]] void refuse(std::string_view source, Spot spot, const std::string& message,
                         const std::string& hint);

// Ends in a token of kind `end`. Throws like refuse().
std::vector<Token> tokenize(std::string_view source);

}  // namespace easylm::query
