// Expands the rules of a description.
#include "config/model_tensors.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "config/checker.h"
#include "easylm/error.h"

namespace easylm {
namespace {

constexpr double kMostTensors = 1e6;
constexpr double kLargestSize = 1e15;

// An absent result is absent: nothing can be said.
std::optional<std::int64_t> whole_number(const std::string& expression, const ExpressionLookup& lookup) {
  const ExpressionValue value = Expression(expression).evaluate(lookup);
  const double* number = std::get_if<double>(&value);
  if (number == nullptr) return std::nullopt;
  if (!(*number >= 0 && *number <= kLargestSize) || std::floor(*number) != *number) {
    throw Error(ErrorCode::invalid_config, "the model's settings make " + expression + " no size of a tensor",
                "check its config.json");
  }
  return static_cast<std::int64_t>(*number);
}

std::string numbered(const std::string& name, std::int64_t i) {
  constexpr std::string_view kMark = "{i}";
  const std::size_t at = name.find(kMark);
  if (at == std::string::npos) return name;
  return name.substr(0, at) + std::to_string(i) + name.substr(at + kMark.size());
}

// Adds what one rule says; false if something that it needs isn't set.
bool expand(const TensorRule& rule, const ExpressionLookup& lookup, std::vector<TensorInfo>& tensors) {
  if (!rule.condition.empty()) {
    const ExpressionValue holds = Expression(rule.condition).evaluate(lookup);
    const double* number = std::get_if<double>(&holds);
    if (number == nullptr) return false;
    if (*number == 0) return true;
  }
  const auto count = rule.count.empty() ? std::optional(std::int64_t{1}) : whole_number(rule.count, lookup);
  if (!count) return false;
  if (static_cast<double>(tensors.size()) + static_cast<double>(*count) > kMostTensors) {
    throw Error(ErrorCode::invalid_config, "the model's settings ask for more than a million tensors",
                "check its config.json");
  }
  TensorInfo tensor;
  for (const std::string& size : rule.shape) {
    const auto number = whole_number(size, lookup);
    if (!number) return false;
    tensor.shape.push_back(*number);
  }
  for (std::int64_t i = 0; i < *count; ++i) {
    tensor.name = numbered(rule.name, i);
    tensors.push_back(tensor);
  }
  return true;
}

}  // namespace

std::optional<std::vector<TensorInfo>> described_tensors(const ComponentDescription& description,
                                                         const Table& settings) {
  if (description.tensors.empty()) return std::nullopt;
  Table defaults;
  for (const Field& field : description.fields) {
    if (field.default_value) defaults.settings.push_back({field.key, *field.default_value});
  }
  const ExpressionLookup lookup = [&](std::string_view name) {
    ExpressionValue given = lookup_setting(settings, name);
    return given.index() != 0 ? given : lookup_setting(defaults, name);
  };
  std::vector<TensorInfo> tensors;
  for (const TensorRule& rule : description.tensors) {
    if (!expand(rule, lookup, tensors)) return std::nullopt;
  }
  std::ranges::sort(tensors, {}, &TensorInfo::name);
  return tensors;
}

}  // namespace easylm
