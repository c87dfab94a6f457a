// The expression language of facts and constraints.
#include "config/expression.h"

#include <gtest/gtest.h>

#include "easylm/error.h"

namespace easylm {
namespace {

ExpressionValue lookup(std::string_view name) {
  if (name == "a") return 6.0;
  if (name == "model.width") return 64.0;
  if (name == "kind") return std::string("linear");
  return {};
}

ExpressionValue evaluate(const std::string& text) { return Expression(text).evaluate(lookup); }
double number(const std::string& text) { return std::get<double>(evaluate(text)); }
bool absent(const std::string& text) { return evaluate(text).index() == 0; }

std::string failure(const std::string& text) {
  try {
    evaluate(text);
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(Expression, KnowsPrecedence) {
  EXPECT_EQ(number("1 + 2 * 3 - 4 / 8"), 6.5);
  EXPECT_EQ(number("(1 + 2) * 3"), 9);
  EXPECT_EQ(number("10 - 4 - 3"), 3);
  EXPECT_EQ(number("-2 * -3"), 6);
  EXPECT_EQ(number("7 % 4 + 1"), 4);
  EXPECT_EQ(number("1 + 1 == 2 and not 1 > 2"), 1);
  EXPECT_EQ(number("false and false or true"), 1);
  EXPECT_EQ(number("!0 && (0 || 1)"), 1);
  EXPECT_EQ(number("0 ? 1 : 0 ? 2 : 3"), 3);
  EXPECT_EQ(number("1e3 + .5"), 1000.5);
}

TEST(Expression, ReadsNamesAndTexts) {
  EXPECT_EQ(number("model.width % a"), 4);
  EXPECT_EQ(number("kind == 'linear'"), 1);
  EXPECT_EQ(number("kind != \"linear\""), 0);
  EXPECT_EQ(std::get<std::string>(evaluate("a > 5 ? kind : 'x'")), "linear");
}

TEST(Expression, CallsFunctions) {
  EXPECT_EQ(number("min(3, a, 2) + max(1, 2)"), 4);
  EXPECT_EQ(number("ceil(a / 4) + floor(a / 4)"), 3);
}

TEST(Expression, LetsWhatIsAbsentPropagateUnlessItDoesNotMatter) {
  for (const char* text : {"b", "b + 1", "-b", "b == 1", "not b", "min(1, b)", "b ? 1 : 2", "b and true",
                           "b or false", "true and b", "false or b"}) {
    EXPECT_TRUE(absent(text)) << text;
  }
  EXPECT_EQ(number("b and false"), 0);
  EXPECT_EQ(number("false and b"), 0);
  EXPECT_EQ(number("b or true"), 1);
  EXPECT_EQ(number("true ? 1 : b"), 1);
}

TEST(Expression, NamesTheColumnOfAMistake) {
  EXPECT_EQ(failure("1 +"), "expression '1 +', column 4: expected a value, found the end");
  EXPECT_EQ(failure("1 2"), "expression '1 2', column 3: expected an operator or the end, found 2");
  EXPECT_EQ(failure("(1"), "expression '(1', column 3: expected ')', found the end");
  EXPECT_EQ(failure("1 < 2 < 3"),
            "expression '1 < 2 < 3', column 7: expected an operator or the end, found <");
  EXPECT_EQ(failure("a $ b"), "expression 'a $ b', column 3: '$' means nothing here");
  EXPECT_EQ(failure("'x"), "expression ''x', column 1: this text has no closing quote");
  EXPECT_EQ(failure("a ? 1"), "expression 'a ? 1', column 6: expected ':', found the end");
  EXPECT_EQ(
      failure("sqrt(4)"),
      "expression 'sqrt(4)', column 1: there is no function sqrt of 1 values; there are min and max of two "
      "or more, ceil and floor of one");
  EXPECT_EQ(failure(""), "expression '', column 1: expected a value, found the end");
}

TEST(Expression, FailsWhereThereIsNoResult) {
  EXPECT_EQ(failure("a / (a - 6)"), "expression 'a / (a - 6)', column 3: it divides by zero");
  EXPECT_EQ(failure("a % 0"), "expression 'a % 0', column 3: it divides by zero");
  EXPECT_EQ(failure("kind + 1"),
            "expression 'kind + 1', column 6: it needs a number here, not the text 'linear'");
  EXPECT_EQ(failure("kind == 1"), "expression 'kind == 1', column 6: it compares a number with a text");
  EXPECT_EQ(failure("1e300 * 1e300"), "expression '1e300 * 1e300', column 7: the result is too large");
}

TEST(Expression, IsBoundedInDepthAndSize) {
  const auto repeated = [](const std::string& text, int times) {
    std::string result;
    for (int i = 0; i < times; ++i) result += text;
    return result;
  };
  for (const std::string& text :
       {repeated("(", 1000), repeated("-", 1000) + "1", repeated("not ", 1000) + "1", repeated("1?", 1000)}) {
    EXPECT_NE(failure(text).find("it is nested too deeply"), std::string::npos)
        << failure(text).substr(0, 80);
  }
  EXPECT_NE(failure(repeated("1+", 100'000) + "1").find("it is too long"), std::string::npos);
  EXPECT_EQ(number(repeated("1+", 500) + "1"), 501);
}

}  // namespace
}  // namespace easylm
