// Settings by dotted key.
#include "config/table_paths.h"

#include <algorithm>
#include <string>
#include <utility>

namespace easylm {

std::optional<Value> take_setting(Table& table, std::string_view key) {
  const std::size_t dot = key.find('.');
  const std::string_view first = key.substr(0, dot);
  const auto found = std::find_if(table.settings.begin(), table.settings.end(),
                                  [&](const Setting& setting) { return setting.key == first; });
  if (found == table.settings.end()) return std::nullopt;
  if (dot == std::string_view::npos) {
    Value value = std::move(found->value);
    table.settings.erase(found);
    return value;
  }
  Table* inner = std::get_if<Table>(&found->value.data);
  if (inner == nullptr) return std::nullopt;
  auto value = take_setting(*inner, key.substr(dot + 1));
  if (value && inner->settings.empty()) table.settings.erase(found);
  return value;
}

void put_setting(Table& table, std::string_view key, Value value) {
  const std::size_t dot = key.find('.');
  if (dot == std::string_view::npos) return table.set(std::string(key), std::move(value));
  const std::string first(key.substr(0, dot));
  const Value* there = table.find(first);
  Value inner = there != nullptr ? *there : Value{Table{}, value.origin};
  if (Table* inner_table = std::get_if<Table>(&inner.data))
    put_setting(*inner_table, key.substr(dot + 1), std::move(value));
  table.set(first, std::move(inner));
}

}  // namespace easylm
