// Tables as data, and the conversions between Value and the typed members of a Config.
#include "easylm/value.h"

#include <utility>

#include "easylm/error.h"
#include "easylm/schema.h"

namespace easylm {

const Value* Table::find(std::string_view key) const {
  for (const Setting& setting : settings) {
    if (setting.key == key) return &setting.value;
  }
  return nullptr;
}

void Table::set(std::string key, Value value) {
  for (Setting& setting : settings) {
    if (setting.key == key) {
      setting.value = std::move(value);
      return;
    }
  }
  settings.push_back({std::move(key), std::move(value)});
}

std::string_view name_of(FieldType type) {
  switch (type) {
    case FieldType::boolean:
      return "boolean";
    case FieldType::integer:
      return "integer";
    case FieldType::real:
      return "number";
    case FieldType::string:
      return "string";
    case FieldType::path:
      return "path";
    case FieldType::component:
      return "component";
    case FieldType::table:
      return "table";
    case FieldType::integers:
      return "list of integers";
    case FieldType::reals:
      return "list of numbers";
    case FieldType::strings:
      return "list of strings";
    case FieldType::tables:
      return "named tables";
  }
  return "unknown";
}

namespace schema_detail {
namespace {

template <typename T>
const T& expect(const Value& value) {
  const T* held = value.as<T>();
  EASYLM_CHECK(held != nullptr, "a setting reached a plugin with a type that its description doesn't have");
  return *held;
}

template <typename T>
Value list_of(const std::vector<T>& items) {
  List list;
  for (const T& item : items) list.push_back(to_value(item));
  return {std::move(list), {}};
}

template <typename T>
void assign_list(std::vector<T>& out, const Value& value) {
  out.clear();
  for (const Value& item : expect<List>(value)) assign(out.emplace_back(), item);
}

}  // namespace

Value to_value(bool x) { return {x, {}}; }
Value to_value(std::int64_t x) { return {x, {}}; }
Value to_value(double x) { return {x, {}}; }
Value to_value(const std::string& x) { return {x, {}}; }
Value to_value(const Path& x) { return {x.text, {}}; }
Value to_value(const Table& x) { return {x, {}}; }
Value to_value(const std::vector<std::int64_t>& x) { return list_of(x); }
Value to_value(const std::vector<double>& x) { return list_of(x); }
Value to_value(const std::vector<std::string>& x) { return list_of(x); }

void assign(bool& out, const Value& value) { out = expect<bool>(value); }
void assign(std::int64_t& out, const Value& value) { out = expect<std::int64_t>(value); }
void assign(double& out, const Value& value) {
  if (const auto* integer = value.as<std::int64_t>()) {
    out = static_cast<double>(*integer);
  } else {
    out = expect<double>(value);
  }
}
void assign(std::string& out, const Value& value) { out = expect<std::string>(value); }
void assign(Path& out, const Value& value) { out.text = expect<std::string>(value); }
void assign(Table& out, const Value& value) { out = expect<Table>(value); }
void assign(std::vector<std::int64_t>& out, const Value& value) { assign_list(out, value); }
void assign(std::vector<double>& out, const Value& value) { assign_list(out, value); }
void assign(std::vector<std::string>& out, const Value& value) { assign_list(out, value); }

}  // namespace schema_detail
}  // namespace easylm
