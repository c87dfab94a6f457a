// Reads queries by recursive descent.
#include "registry/query/parser.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include "registry/query/fields.h"
#include "registry/query/lexer.h"

namespace easylm::query {
namespace {

constexpr std::array<std::pair<std::string_view, Comparison>, 6> kComparisons = {{
    {"=", Comparison::equal},
    {"!=", Comparison::unequal},
    {"<", Comparison::less},
    {"<=", Comparison::less_equal},
    {">", Comparison::greater},
    {">=", Comparison::greater_equal},
}};

Condition negated(Condition condition) {
  Condition negation;
  negation.test = Test::negate;
  negation.parts.push_back(std::move(condition));
  return negation;
}

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source), tokens_(tokenize(source)) {}

  Query query() {
    Query query;
    if (!is_word("order") && !is_word("limit") && token().kind != TokenKind::end) query.where = condition();
    if (accept_word("order")) {
      expect_word("by", "order by FIELD");
      do {
        query.order.push_back(order_key());
      } while (accept_symbol(","));
    }
    if (accept_word("limit")) query.limit = limit();
    expect_end("a query ends with order by and limit, in this order");
    return query;
  }

  Condition whole_condition() {
    Condition result = condition();
    expect_end("join conditions with and, or");
    return result;
  }

 private:
  // Counts how deep the parser is in itself.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxDepth) {
        refuse(parser_.source_, parser_.token().spot,
               "this is nested more than " + std::to_string(kMaxDepth) + " deep",
               "write the condition flatter");
      }
    }
    ~Level() { --parser_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };

  const Token& token() const { return tokens_[at_]; }

  Token take() {
    Token taken = token();
    if (taken.kind != TokenKind::end) ++at_;
    return taken;
  }

  bool is_word(std::string_view word) const {
    const std::string& text = token().text;
    return token().kind == TokenKind::word && std::ranges::equal(text, word, {}, [](unsigned char c) {
             return static_cast<char>(std::tolower(c));
           });
  }

  bool accept_word(std::string_view word) {
    if (!is_word(word)) return false;
    ++at_;
    return true;
  }

  bool accept_symbol(std::string_view symbol) {
    if (token().kind != TokenKind::symbol || token().text != symbol) return false;
    ++at_;
    return true;
  }

  void expect_word(std::string_view word, const std::string& example) {
    if (!accept_word(word)) {
      refuse(source_, token().spot, "'" + std::string(word) + "' belongs here", "write: " + example);
    }
  }

  void expect_symbol(std::string_view symbol) {
    if (!accept_symbol(symbol)) {
      refuse(source_, token().spot, "'" + std::string(symbol) + "' belongs here",
             "parentheses come in pairs");
    }
  }

  void expect_end(const std::string& hint) {
    if (token().kind != TokenKind::end) refuse(source_, token().spot, "the query should end here", hint);
  }

  Condition condition() {
    return chain("or", Test::any, [this] { return both(); });
  }
  Condition both() {
    return chain("and", Test::all, [this] { return one(); });
  }

  template <typename Part>
  Condition chain(std::string_view word, Test test, Part&& part) {
    Condition first = part();
    if (!is_word(word)) return first;
    Condition all;
    all.test = test;
    all.parts.push_back(std::move(first));
    while (accept_word(word)) all.parts.push_back(part());
    return all;
  }

  Condition one() {
    const Level level(*this);
    if (accept_word("not")) return negated(one());
    if (!accept_symbol("(")) return test();
    Condition inner = condition();
    expect_symbol(")");
    return inner;
  }

  Field field() {
    const Token name = take();
    if (name.kind != TokenKind::word) {
      refuse(source_, name.spot, "a field belongs here",
             "for example step, created, metrics.loss or tags.owner");
    }
    return field_of(source_, name);
  }

  Condition test() {
    Condition test;
    test.field = field();
    for (const auto& [symbol, comparison] : kComparisons) {
      if (!accept_symbol(symbol)) continue;
      test.comparison = comparison;
      test.values.push_back(literal_of(source_, take(), test.field));
      return test;
    }
    if (accept_word("is")) return missing(std::move(test));
    const bool is_negated = accept_word("not");
    if (accept_word("like")) {
      pattern(test);
    } else if (accept_word("in")) {
      choices(test);
    } else {
      refuse(source_, token().spot, "a comparison belongs here",
             "compare with = != < <= > >=, like \"a%\", in (…), or is null");
    }
    return is_negated ? negated(std::move(test)) : test;
  }

  Condition missing(Condition test) {
    const bool is_negated = accept_word("not");
    if (!accept_word("missing")) expect_word("null", "tags.owner is null, or is not null");
    test.test = Test::missing;
    return is_negated ? negated(std::move(test)) : test;
  }

  void pattern(Condition& test) {
    test.test = Test::like;
    const Token pattern = take();
    if (pattern.kind != TokenKind::text) {
      refuse(source_, pattern.spot, "a pattern belongs here",
             "write a text in quotes; % stands for anything, _ for one character");
    }
    test.values.emplace_back(pattern.text);
  }

  void choices(Condition& test) {
    test.test = Test::in;
    expect_symbol("(");
    do {
      test.values.push_back(literal_of(source_, take(), test.field));
    } while (accept_symbol(","));
    expect_symbol(")");
  }

  OrderKey order_key() {
    const Spot spot = token().spot;
    OrderKey key{field(), false};
    if (key.field.source == FieldSource::alias) {
      refuse(source_, spot, "versions can't be put in order by alias", "a version may have several of them");
    }
    key.descending = accept_word("desc");
    if (!key.descending) accept_word("asc");
    return key;
  }

  std::int64_t limit() {
    const Token number = take();
    const Field field;
    const Literal literal =
        number.kind == TokenKind::number ? literal_of(source_, number, field) : Literal{0.5};
    const auto* count = std::get_if<std::int64_t>(&literal);
    if (count == nullptr || *count < 0) {
      refuse(source_, number.spot, "a count belongs here", "write: limit 10");
    }
    return *count;
  }

  std::string_view source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Query parse_query(std::string_view source) { return Parser(source).query(); }
Condition parse_condition(std::string_view source) { return Parser(source).whole_condition(); }

}  // namespace easylm::query
