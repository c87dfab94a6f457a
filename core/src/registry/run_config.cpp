// Flattens a configuration into rows.
#include "registry/run_config.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <optional>

#include "config/document.h"
#include "config/show.h"

namespace easylm {
namespace {

namespace json = boost::json;

std::string text_in(const Table& table, std::string_view key) {
  const Value* value = table.find(key);
  const auto* text = value == nullptr ? nullptr : value->as<std::string>();
  return text == nullptr ? std::string() : *text;
}

class Flattener {
 public:
  ConfigRows take() { return std::move(rows_); }

  void table(const std::string& prefix, const Table& table) {
    if (!table.type.empty()) add(prefix + "type", table.type);
    for (const Setting& setting : table.settings) value(prefix + setting.key, setting.value);
  }

 private:
  void value(const std::string& key, const Value& value) {
    if (const auto* nested = value.as<Table>()) {
      table(key + ".", *nested);
    } else if (const auto* list = value.as<List>(); list != nullptr && holds_tables(*list)) {
      tables(key + ".", *list);
    } else if (const auto* integer = value.as<std::int64_t>()) {
      add(key, *integer);
    } else if (const auto* real = value.as<double>(); real != nullptr && std::isfinite(*real)) {
      add(key, *real);
    } else if (const auto* text = value.as<std::string>()) {
      add(key, *text);
    } else {
      add(key, toml_text(value));
    }
  }

  static bool holds_tables(const List& list) {
    return !list.empty() && std::ranges::all_of(list, [](const Value& item) { return item.as<Table>(); });
  }

  void tables(const std::string& prefix, const List& list) {
    std::vector<std::string> labels;
    for (const Value& item : list) {
      const Table& table = *item.as<Table>();
      std::string label = text_in(table, "name");
      if (label.empty()) label = text_in(table, "type");
      if (label.empty() || std::ranges::find(labels, label) != labels.end()) {
        label = std::to_string(labels.size());
      }
      labels.push_back(label);
      this->table(prefix + label + ".", table);
    }
  }

  void add(std::string key, ConfigScalar value) { rows_.emplace_back(std::move(key), std::move(value)); }

  ConfigRows rows_;
};

}  // namespace

ConfigRows config_rows(std::string_view toml) {
  Diagnostics diagnostics;
  const std::optional<Table> root = parse_document(toml, "config", diagnostics);
  if (!root) return {};
  Flattener flattener;
  flattener.table("", *root);
  return flattener.take();
}

std::string config_rows_json(std::string_view toml) {
  json::array rows;
  for (const auto& [key, value] : config_rows(toml)) {
    json::value held;
    std::visit([&](const auto& x) { held = x; }, value);
    rows.push_back(json::array{key, std::move(held)});
  }
  return json::serialize(rows);
}

std::string scalar_text(const ConfigScalar& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  std::array<char, 32> digits{};
  const auto end = std::visit(
      [&](const auto& x) -> char* {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(x)>>) {
          return std::to_chars(digits.data(), digits.data() + digits.size(), x).ptr;
        }
        return digits.data();
      },
      value);
  return {digits.data(), end};
}

}  // namespace easylm
