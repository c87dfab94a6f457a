// Evaluates expressions over named values, some of which may be absent.
#include "config/expression.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "easylm/error.h"

namespace easylm {

// Recursion is bounded by the number of nodes, which the parser limits.
class Expression::Evaluator {
 public:
  Evaluator(const Expression& expression, const ExpressionLookup& lookup)
      : expression_(expression), lookup_(lookup) {}

  ExpressionValue value(int index) const {
    const Node& node = expression_.nodes_[static_cast<std::size_t>(index)];
    switch (node.op) {
      case Op::number:
        return node.number;
      case Op::text:
        return node.text;
      case Op::name:
        return lookup_(node.text);
      case Op::logical_and:
        return connective(node, 0);
      case Op::logical_or:
        return connective(node, 1);
      case Op::choose: {
        const auto condition = number(node.arguments[0], node);
        if (!condition) return {};
        return value(node.arguments[*condition != 0 ? 1 : 2]);
      }
      case Op::equal:
      case Op::unequal:
        return equality(node);
      default:
        return arithmetic(node);
    }
  }

 private:
  [[noreturn]] void fail(const Node& node, const std::string& what) const {
    throw Error(ErrorCode::invalid_config, "expression '" + expression_.source_ + "', column " +
                                               std::to_string(node.column) + ": " + what);
  }

  // None if absent.
  std::optional<double> number(int index, const Node& user) const {
    const ExpressionValue held = value(index);
    if (std::holds_alternative<std::monostate>(held)) return std::nullopt;
    if (const double* n = std::get_if<double>(&held)) return *n;
    fail(user, "it needs a number here, not the text '" + std::get<std::string>(held) + "'");
  }

  // `decisive` (0 for and, 1 for or) on either side decides, even if the other side is absent.
  ExpressionValue connective(const Node& node, double decisive) const {
    const auto left = number(node.arguments[0], node);
    if (left && (*left != 0 ? 1.0 : 0.0) == decisive) return decisive;
    const auto right = number(node.arguments[1], node);
    if (right && (*right != 0 ? 1.0 : 0.0) == decisive) return decisive;
    if (!left || !right) return {};
    return 1.0 - decisive;
  }

  ExpressionValue equality(const Node& node) const {
    const ExpressionValue left = value(node.arguments[0]), right = value(node.arguments[1]);
    if (left.index() == 0 || right.index() == 0) return {};
    if (left.index() != right.index()) fail(node, "it compares a number with a text");
    const bool equal = left == right;
    return equal == (node.op == Op::equal) ? 1.0 : 0.0;
  }

  ExpressionValue arithmetic(const Node& node) const {
    std::vector<double> numbers;
    for (const int argument : node.arguments) {
      const auto held = number(argument, node);
      if (!held) return {};
      numbers.push_back(*held);
    }
    const double result = numbers.size() == 1 ? unary(node.op, numbers[0]) : several(node, numbers);
    if (!std::isfinite(result)) fail(node, "the result is too large");
    return result;
  }

  static double unary(Op op, double x) {
    switch (op) {
      case Op::negate:
        return -x;
      case Op::invert:
        return x == 0 ? 1 : 0;
      case Op::ceiling:
        return std::ceil(x);
      default:
        return std::floor(x);
    }
  }

  double several(const Node& node, const std::vector<double>& numbers) const {
    const double a = numbers[0], b = numbers[1];
    switch (node.op) {
      case Op::add:
        return a + b;
      case Op::subtract:
        return a - b;
      case Op::multiply:
        return a * b;
      case Op::divide:
      case Op::remainder:
        if (b == 0) fail(node, "it divides by zero");
        return node.op == Op::divide ? a / b : std::fmod(a, b);
      case Op::less:
        return a < b ? 1 : 0;
      case Op::less_equal:
        return a <= b ? 1 : 0;
      case Op::greater:
        return a > b ? 1 : 0;
      case Op::greater_equal:
        return a >= b ? 1 : 0;
      case Op::minimum:
        return *std::min_element(numbers.begin(), numbers.end());
      default:
        return *std::max_element(numbers.begin(), numbers.end());
    }
  }

  const Expression& expression_;
  const ExpressionLookup& lookup_;
};

ExpressionValue Expression::evaluate(const ExpressionLookup& lookup) const {
  return Evaluator(*this, lookup).value(root_);
}

}  // namespace easylm
