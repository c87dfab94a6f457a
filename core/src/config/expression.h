// The arithmetic of facts and constraints: a small expression language without side effects.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// Absent, a number (booleans are 0 and 1), or a text.
using ExpressionValue = std::variant<std::monostate, double, std::string>;

// The value of a name such as "model.hidden_size"; absent if there is none.
using ExpressionLookup = std::function<ExpressionValue(std::string_view name)>;

// Precedence from loose to tight:
//   c ? x : y   or ||   and &&   not !   == != < <= > >=   + -   * / %   unary -   calls and parentheses
// Atoms: numbers, true, false, 'text' or "text", names with dots. Calls: min, max (two or more), ceil, floor.
// Comparisons don't chain. Texts know only == and !=. Division is that of real numbers.
class EASYLM_API Expression {
 public:
  // Throws Error{invalid_config} that names the column. Bounded in depth and in size.
  explicit Expression(std::string_view text);

  // What is made of something absent is absent, unless `and`, `or` or `?:` don't need it. Throws
  // Error{invalid_config} for a division by zero or a text where a number is needed.
  ExpressionValue evaluate(const ExpressionLookup& lookup) const;

 private:
  friend class ExpressionParser;
  enum class Op {
    number,
    text,
    name,
    negate,
    invert,
    add,
    subtract,
    multiply,
    divide,
    remainder,
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    logical_and,
    logical_or,
    choose,
    minimum,
    maximum,
    ceiling,
    floor
  };
  struct Node {
    Op op = Op::number;
    double number = 0;
    std::string text;
    std::vector<int> arguments;  // indices into nodes_
    int column = 0;
  };
  class Evaluator;

  std::string source_;
  std::vector<Node> nodes_;
  int root_ = 0;
};

}  // namespace easylm
