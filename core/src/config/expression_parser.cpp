// Turns the text of an expression into nodes, by recursive descent.
#include <array>
#include <cctype>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/expression.h"
#include "easylm/error.h"

namespace easylm {
namespace {

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 2000;

struct Token {
  enum class Kind { end, number, text, word, symbol };
  Kind kind = Kind::end;
  std::string text;
  double number = 0;
  int column = 0;
};

[[noreturn]] void fail(std::string_view text, int column, const std::string& what) {
  throw Error(ErrorCode::invalid_config,
              "expression '" + std::string(text) + "', column " + std::to_string(column) + ": " + what);
}

bool is_word_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> tokens() {
    std::vector<Token> tokens;
    do {
      tokens.push_back(next());
      if (tokens.size() > 2 * kMaxNodes) fail(text_, tokens.back().column, "it is too long");
    } while (tokens.back().kind != Token::Kind::end);
    return tokens;
  }

 private:
  int column() const { return static_cast<int>(at_) + 1; }

  Token next() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    if (at_ == text_.size()) return {Token::Kind::end, "the end", 0, column()};
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number();
    if (is_word_start(c)) return word();
    if (c == '\'' || c == '"') return quoted(c);
    return symbol();
  }

  Token number() {
    Token token{Token::Kind::number, {}, 0, column()};
    const char* const begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), token.number);
    if (error != std::errc{}) fail(text_, column(), "this number is out of range");
    token.text.assign(begin, end);
    at_ += token.text.size();
    return token;
  }

  Token word() {
    Token token{Token::Kind::word, {}, 0, column()};
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool inner_dot = c == '.' && at_ + 1 < text_.size() && is_word_start(text_[at_ + 1]);
      if (!is_word_start(c) && !is_digit(c) && !inner_dot) break;
      token.text.push_back(c);
      ++at_;
    }
    return token;
  }

  Token quoted(char quote) {
    Token token{Token::Kind::text, {}, 0, column()};
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail(text_, column(), "this text has no closing quote");
    token.text = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return token;
  }

  Token symbol() {
    static constexpr std::array<std::string_view, 6> kPairs{"==", "!=", "<=", ">=", "&&", "||"};
    const int start = column();
    for (const std::string_view pair : kPairs) {
      if (text_.substr(at_, 2) != pair) continue;
      at_ += 2;
      return {Token::Kind::symbol, std::string(pair), 0, start};
    }
    const char c = text_[at_];
    if (std::string_view("+-*/%()<>!?:,").find(c) == std::string_view::npos) {
      fail(text_, start, std::string("'") + c + "' means nothing here");
    }
    ++at_;
    return {Token::Kind::symbol, std::string(1, c), 0, start};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

// One method a level of precedence; each returns the index of the node it made.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, Expression& expression)
      : text_(text), tokens_(Lexer(text).tokens()), expression_(expression) {}

  int parse() {
    const int root = choice();
    if (current().kind != Token::Kind::end) unexpected("an operator or the end");
    return root;
  }

 private:
  using Op = Expression::Op;
  struct Level {
    std::string_view symbol;
    Op op;
  };

  const Token& current() const { return tokens_[at_]; }

  [[noreturn]] void unexpected(const std::string& wanted) const {
    fail(text_, current().column, "expected " + wanted + ", found " + current().text);
  }

  bool take(std::string_view symbol) {
    const Token& token = current();
    const bool matches =
        (token.kind == Token::Kind::symbol || token.kind == Token::Kind::word) && token.text == symbol;
    if (matches) ++at_;
    return matches;
  }

  int add(Op op, int column, std::vector<int> arguments) {
    if (expression_.nodes_.size() >= kMaxNodes) fail(text_, column, "it is too long");
    Expression::Node node;
    node.op = op;
    node.column = column;
    node.arguments = std::move(arguments);
    expression_.nodes_.push_back(std::move(node));
    return static_cast<int>(expression_.nodes_.size()) - 1;
  }

  int choice() {
    if (++depth_ > kMaxDepth) fail(text_, current().column, "it is nested too deeply");
    const int condition = either();
    int result = condition;
    const int column = current().column;
    if (take("?")) {
      const int first = choice();
      if (!take(":")) unexpected("':'");
      result = add(Op::choose, column, {condition, first, choice()});
    }
    --depth_;
    return result;
  }

  int either() {
    int left = both();
    for (int column = current().column; take("or") || take("||"); column = current().column) {
      left = add(Op::logical_or, column, {left, both()});
    }
    return left;
  }

  int both() {
    int left = inverted();
    for (int column = current().column; take("and") || take("&&"); column = current().column) {
      left = add(Op::logical_and, column, {left, inverted()});
    }
    return left;
  }

  int inverted() {
    const int column = current().column;
    if (!take("not") && !take("!")) return comparison();
    if (++depth_ > kMaxDepth) fail(text_, column, "it is nested too deeply");
    const int result = add(Op::invert, column, {inverted()});
    --depth_;
    return result;
  }

  int comparison() {
    static constexpr std::array<Level, 6> kLevels{{{"==", Op::equal},
                                                   {"!=", Op::unequal},
                                                   {"<=", Op::less_equal},
                                                   {">=", Op::greater_equal},
                                                   {"<", Op::less},
                                                   {">", Op::greater}}};
    const int left = sum();
    const int column = current().column;
    for (const Level& level : kLevels) {
      if (take(level.symbol)) return add(level.op, column, {left, sum()});
    }
    return left;
  }

  int sum() {
    int left = product();
    for (;;) {
      const int column = current().column;
      if (take("+")) {
        left = add(Op::add, column, {left, product()});
      } else if (take("-")) {
        left = add(Op::subtract, column, {left, product()});
      } else {
        return left;
      }
    }
  }

  int product() {
    int left = sign();
    for (;;) {
      const int column = current().column;
      if (take("*")) {
        left = add(Op::multiply, column, {left, sign()});
      } else if (take("/")) {
        left = add(Op::divide, column, {left, sign()});
      } else if (take("%")) {
        left = add(Op::remainder, column, {left, sign()});
      } else {
        return left;
      }
    }
  }

  int sign() {
    const int column = current().column;
    if (!take("-")) return atom();
    if (++depth_ > kMaxDepth) fail(text_, column, "it is nested too deeply");
    const int result = add(Op::negate, column, {sign()});
    --depth_;
    return result;
  }

  int atom() {
    const Token token = current();
    if (take("(")) {
      const int inside = choice();
      if (!take(")")) unexpected("')'");
      return inside;
    }
    if (token.kind == Token::Kind::end || token.kind == Token::Kind::symbol) unexpected("a value");
    ++at_;
    if (token.kind == Token::Kind::word && take("(")) return call(token);
    const bool is_boolean =
        token.kind == Token::Kind::word && (token.text == "true" || token.text == "false");
    const Op op = token.kind == Token::Kind::text                  ? Op::text
                  : token.kind == Token::Kind::word && !is_boolean ? Op::name
                                                                   : Op::number;
    const int result = add(op, token.column, {});
    Expression::Node& node = expression_.nodes_.back();
    node.text = token.text;
    node.number = is_boolean ? (token.text == "true" ? 1 : 0) : token.number;
    return result;
  }

  int call(const Token& function) {
    std::vector<int> arguments{choice()};
    while (take(",")) arguments.push_back(choice());
    if (!take(")")) unexpected("',' or ')'");
    const bool one = arguments.size() == 1;
    if (function.text == "ceil" && one) return add(Op::ceiling, function.column, std::move(arguments));
    if (function.text == "floor" && one) return add(Op::floor, function.column, std::move(arguments));
    if (function.text == "min" && !one) return add(Op::minimum, function.column, std::move(arguments));
    if (function.text == "max" && !one) return add(Op::maximum, function.column, std::move(arguments));
    fail(text_, function.column,
         "there is no function " + function.text + " of " + std::to_string(arguments.size()) +
             " values; there are min and max of two or more, ceil and floor of one");
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  Expression& expression_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

Expression::Expression(std::string_view text) : source_(text) {
  root_ = ExpressionParser(text, *this).parse();
}

}  // namespace easylm
