// Facts and constraints of components, worked out from their resolved settings.
#include <algorithm>
#include <utility>

#include "config/checker.h"
#include "config/show.h"
#include "easylm/error.h"

namespace easylm {
namespace {

ExpressionValue to_expression_value(const Value& value) {
  if (const auto* held = value.as<bool>()) return *held ? 1.0 : 0.0;
  if (const auto* held = value.as<std::int64_t>()) return static_cast<double>(*held);
  if (const auto* held = value.as<double>()) return *held;
  if (const auto* held = value.as<std::string>()) return *held;
  const Table* table = value.as<Table>();
  if (table != nullptr && !table->type.empty()) return table->type;
  return {};
}

std::string to_text(const ExpressionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  const auto* number = std::get_if<double>(&value);
  if (number == nullptr) return "(not set)";
  std::string text = toml_text({*number, {}});
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

// `message` with every {name} replaced by its value.
std::string fill_in(const std::string& message, const ExpressionLookup& lookup) {
  std::string filled;
  std::size_t at = 0;
  for (;;) {
    const std::size_t open = message.find('{', at);
    const std::size_t close = message.find('}', std::min(open, message.size()));
    filled.append(message, at, std::min(open, message.size()) - at);
    if (open == std::string::npos) return filled;
    if (close == std::string::npos) return filled.append(message, open);
    filled += to_text(lookup(message.substr(open + 1, close - open - 1)));
    at = close + 1;
  }
}

}  // namespace

ExpressionValue lookup_setting(const Table& table, std::string_view name) {
  if (name == "type") {
    if (table.type.empty()) return {};
    return table.type;
  }
  if (const Value* value = table.find(name)) return to_expression_value(*value);
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {};
  const Value* value = table.find(name.substr(0, dot));
  const Table* inner = value != nullptr ? value->as<Table>() : nullptr;
  if (inner == nullptr) return {};
  return lookup_setting(*inner, name.substr(dot + 1));
}

void check_constraints(const ComponentDescription& description, const Table& table,
                       const ExpressionLookup& outside, Diagnostics& diagnostics) {
  const ExpressionLookup lookup = [&](std::string_view name) -> ExpressionValue {
    ExpressionValue inside = lookup_setting(table, name);
    return inside.index() == 0 && outside ? outside(name) : inside;
  };
  for (const Constraint& constraint : description.constraints) {
    const Value* pointed_at = table.find(constraint.key);
    const Origin& at = pointed_at != nullptr ? pointed_at->origin : table.origin;
    try {
      const ExpressionValue result = Expression(constraint.expression).evaluate(lookup);
      if (std::holds_alternative<std::monostate>(result)) continue;
      const double* number = std::get_if<double>(&result);
      if (number != nullptr && *number != 0) continue;
      diagnostics.error(at, "constraint", fill_in(constraint.message, lookup),
                        fill_in(constraint.hint, lookup));
    } catch (const Error& error) {
      diagnostics.error(at, "plugin",
                        "a condition of " + description.kind + " '" + description.name +
                            "' can't be checked: " + error.message(),
                        "report this to the plugin's author");
    }
  }
}

std::optional<double> evaluate_fact(const ComponentDescription& description, const Table& table,
                                    std::string_view name) {
  const auto fact = std::find_if(description.facts.begin(), description.facts.end(),
                                 [&](const Fact& f) { return f.name == name; });
  if (fact == description.facts.end()) return std::nullopt;
  // Only facts described before this one, so that they can't go round in circles; each is worked out once.
  std::vector<std::pair<std::string_view, ExpressionValue>> known;
  const ExpressionLookup lookup = [&](std::string_view wanted) -> ExpressionValue {
    ExpressionValue setting = lookup_setting(table, wanted);
    if (setting.index() != 0) return setting;
    for (const auto& [earlier, value] : known) {
      if (earlier == wanted) return value;
    }
    return {};
  };
  for (auto f = description.facts.begin(); f != fact; ++f) {
    known.emplace_back(f->name, Expression(f->expression).evaluate(lookup));
  }
  const ExpressionValue result = Expression(fact->expression).evaluate(lookup);
  const double* number = std::get_if<double>(&result);
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

}  // namespace easylm
