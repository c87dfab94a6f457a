// Writes and strictly reads the JSON form of component descriptions.
#include "plugin/description_json.h"

#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "easylm/error.h"

namespace easylm {
namespace {

namespace json = boost::json;

constexpr int kFormat = 1;

// In the order of FieldType.
constexpr std::array<std::string_view, 11> kTypeWords = {"boolean", "integer",   "real",  "string",
                                                         "path",    "component", "table", "integers",
                                                         "reals",   "strings",   "tables"};

// ---- writing ----

json::object json_of(const std::vector<Setting>& settings);

// JSON has no infinity: {"number": "inf"}.
json::value json_of(double x) {
  if (std::isfinite(x)) return x;
  if (std::isnan(x)) return json::object{{"number", "nan"}};
  return json::object{{"number", x > 0 ? "inf" : "-inf"}};
}

json::value json_of(const Value& value) {
  if (const auto* x = value.as<bool>()) return *x;
  if (const auto* x = value.as<std::int64_t>()) return *x;
  if (const auto* x = value.as<double>()) return json_of(*x);
  if (const auto* x = value.as<std::string>()) return json::string(*x);
  if (const auto* x = value.as<List>()) {
    json::array items;
    for (const Value& item : *x) items.push_back(json_of(item));
    return items;
  }
  const auto& table = *value.as<Table>();
  return json::object{{"type", table.type}, {"settings", json_of(table.settings)}};
}

json::object json_of(const std::vector<Setting>& settings) {
  json::object object;
  for (const Setting& setting : settings) {
    if (!object.emplace(setting.key, json_of(setting.value)).second) {
      throw Error(ErrorCode::plugin, "a description sets the key '" + setting.key + "' twice",
                  "remove one of the two");
    }
  }
  return object;
}

void put_text(json::object& object, std::string_view key, const std::string& text) {
  if (!text.empty()) object.emplace(key, text);
}

json::array json_of(const std::vector<std::string>& words) { return json::array(words.begin(), words.end()); }

json::array json_of(const std::vector<Field>& fields) {
  json::array array;
  for (const Field& field : fields) {
    json::object object{{"key", field.key},
                        {"type", kTypeWords.at(static_cast<std::size_t>(field.type))},
                        {"doc", field.doc}};
    put_text(object, "unit", field.unit);
    if (field.default_value) object.emplace("default", json_of(*field.default_value));
    if (field.is_optional) object.emplace("optional", true);
    if (field.must_exist) object.emplace("must_exist", true);
    if (field.minimum) object.emplace("minimum", json_of(*field.minimum));
    if (field.maximum) object.emplace("maximum", json_of(*field.maximum));
    if (field.exclusive_minimum) object.emplace("exclusive_minimum", true);
    if (!field.choices.empty()) object.emplace("choices", json_of(field.choices));
    put_text(object, "component_kind", field.component_kind);
    if (!field.fields.empty()) object.emplace("fields", json_of(field.fields));
    array.push_back(std::move(object));
  }
  return array;
}

json::object json_of(const ComponentDescription& component) {
  json::array presets;
  for (const Preset& preset : component.presets) {
    presets.push_back({{"name", preset.name}, {"settings", json_of(preset.settings)}});
  }
  json::array facts;
  for (const Fact& fact : component.facts) {
    facts.push_back({{"name", fact.name}, {"expression", fact.expression}});
  }
  json::array tensors;
  for (const TensorRule& rule : component.tensors) {
    json::object object{{"name", rule.name}, {"shape", json_of(rule.shape)}};
    put_text(object, "count", rule.count);
    put_text(object, "condition", rule.condition);
    tensors.push_back(std::move(object));
  }
  json::array constraints;
  for (const Constraint& constraint : component.constraints) {
    constraints.push_back({{"expression", constraint.expression},
                           {"key", constraint.key},
                           {"message", constraint.message},
                           {"hint", constraint.hint}});
  }
  json::array needs;
  for (const Port& port : component.needs)
    needs.push_back({{"name", port.name}, {"required", port.required}});
  return {{"kind", component.kind},
          {"interface", component.interface},
          {"name", component.name},
          {"doc", component.doc},
          {"fields", json_of(component.fields)},
          {"presets", std::move(presets)},
          {"facts", std::move(facts)},
          {"tensors", std::move(tensors)},
          {"constraints", std::move(constraints)},
          {"needs", std::move(needs)},
          {"makes", json_of(component.makes)}};
}

// ---- reading ----

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
  throw Error(ErrorCode::corrupt, "its description is broken at " + where + ": " + why,
              "rebuild the plugin with EasyLM's build rule");
}

std::string text_of(const json::value& value, const std::string& where) {
  if (!value.is_string()) refuse(where, "a string is expected");
  return std::string(value.as_string());
}

bool flag_of(const json::value& value, const std::string& where) {
  if (!value.is_bool()) refuse(where, "true or false is expected");
  return value.as_bool();
}

// One object whose members must all be asked for.
class Members {
 public:
  Members(const json::value& value, std::string where) : where_(std::move(where)) {
    if (!value.is_object()) refuse(where_, "an object is expected");
    object_ = &value.as_object();
  }

  std::string where(std::string_view key) const { return where_ + "." + std::string(key); }

  const json::value* find(std::string_view key) {
    asked_.insert(key);
    return object_->if_contains(key);
  }
  const json::value& get(std::string_view key) {
    const json::value* value = find(key);
    if (value == nullptr) refuse(where(key), "it is missing");
    return *value;
  }
  std::string text(std::string_view key) { return text_of(get(key), where(key)); }
  std::string text_or_empty(std::string_view key) {
    const json::value* value = find(key);
    return value == nullptr ? std::string() : text_of(*value, where(key));
  }
  bool flag(std::string_view key) { return flag_of(get(key), where(key)); }
  bool flag_or_false(std::string_view key) {
    const json::value* value = find(key);
    return value != nullptr && flag_of(*value, where(key));
  }

  void finish() const {
    for (const auto& member : *object_) {
      if (!asked_.contains(std::string_view(member.key()))) refuse(where(member.key()), "it is unknown");
    }
  }

 private:
  std::string where_;
  const json::object* object_ = nullptr;
  std::set<std::string_view> asked_;
};

// A list, each item read by read(item, where).
template <typename Read>
auto list_of(const json::value& value, const std::string& where, Read read) {
  if (!value.is_array()) refuse(where, "a list is expected");
  std::vector<decltype(read(value, where))> items;
  for (const json::value& item : value.as_array()) {
    items.push_back(read(item, where + "[" + std::to_string(items.size()) + "]"));
  }
  return items;
}

double special_number(const json::value& value, const std::string& where) {
  const std::string word = text_of(value, where);
  if (word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "inf") return std::numeric_limits<double>::infinity();
  if (word == "-inf") return -std::numeric_limits<double>::infinity();
  refuse(where, "it is not a number");
}

Value value_of(const json::value& value, const std::string& where);

std::vector<Setting> settings_of(const json::value& value, const std::string& where) {
  if (!value.is_object()) refuse(where, "an object is expected");
  std::vector<Setting> settings;
  for (const auto& member : value.as_object()) {
    std::string place = where;
    place.append(".").append(member.key());
    settings.push_back({std::string(member.key()), value_of(member.value(), place)});
  }
  return settings;
}

Value value_of(const json::value& value, const std::string& where) {
  if (value.is_bool()) return {value.as_bool(), {}};
  if (value.is_int64()) return {value.as_int64(), {}};
  if (value.is_double()) return {value.as_double(), {}};
  if (value.is_string()) return {std::string(value.as_string()), {}};
  if (value.is_array()) return {list_of(value, where, value_of), {}};
  Members members(value, where);
  if (const json::value* number = members.find("number")) {
    members.finish();
    return {special_number(*number, members.where("number")), {}};
  }
  Table table;
  table.type = members.text("type");
  table.settings = settings_of(members.get("settings"), members.where("settings"));
  members.finish();
  return {std::move(table), {}};
}

std::optional<double> limit_of(Members& members, std::string_view key) {
  const json::value* value = members.find(key);
  if (value == nullptr) return {};
  const Value number = value_of(*value, members.where(key));
  if (const auto* real = number.as<double>()) return *real;
  if (const auto* integer = number.as<std::int64_t>()) return static_cast<double>(*integer);
  refuse(members.where(key), "a number is expected");
}

FieldType type_of(Members& members) {
  const std::string word = members.text("type");
  for (std::size_t i = 0; i < kTypeWords.size(); ++i) {
    if (kTypeWords[i] == word) return static_cast<FieldType>(i);
  }
  refuse(members.where("type"), "'" + word + "' is not a type");
}

Field field_of(const json::value& value, const std::string& where) {
  Members members(value, where);
  Field field;
  field.key = members.text("key");
  field.type = type_of(members);
  field.doc = members.text("doc");
  field.unit = members.text_or_empty("unit");
  if (const json::value* initial = members.find("default")) {
    field.default_value = value_of(*initial, members.where("default"));
  }
  field.is_optional = members.flag_or_false("optional");
  field.must_exist = members.flag_or_false("must_exist");
  field.minimum = limit_of(members, "minimum");
  field.maximum = limit_of(members, "maximum");
  field.exclusive_minimum = members.flag_or_false("exclusive_minimum");
  if (const json::value* choices = members.find("choices")) {
    field.choices = list_of(*choices, members.where("choices"), text_of);
  }
  field.component_kind = members.text_or_empty("component_kind");
  if (const json::value* fields = members.find("fields")) {
    field.fields = list_of(*fields, members.where("fields"), field_of);
  }
  members.finish();
  return field;
}

Preset preset_of(const json::value& value, const std::string& where) {
  Members members(value, where);
  Preset preset{members.text("name"), settings_of(members.get("settings"), members.where("settings"))};
  members.finish();
  return preset;
}

Fact fact_of(const json::value& value, const std::string& where) {
  Members members(value, where);
  Fact fact{members.text("name"), members.text("expression")};
  members.finish();
  return fact;
}

TensorRule tensor_of(const json::value& value, const std::string& where) {
  Members members(value, where);
  TensorRule rule{members.text("name"), list_of(members.get("shape"), members.where("shape"), text_of),
                  members.text_or_empty("count"), members.text_or_empty("condition")};
  members.finish();
  return rule;
}

Constraint constraint_of(const json::value& value, const std::string& where) {
  Members members(value, where);
  Constraint constraint{members.text("expression"), members.text("key"), members.text("message"),
                        members.text("hint")};
  members.finish();
  return constraint;
}

Port port_of(const json::value& value, const std::string& where) {
  Members members(value, where);
  Port port{members.text("name"), members.flag("required")};
  members.finish();
  return port;
}

ComponentDescription component_of(const json::value& value, const std::string& where) {
  Members members(value, where);
  const auto list = [&](std::string_view key, auto read) {
    return list_of(members.get(key), members.where(key), read);
  };
  ComponentDescription component;
  component.kind = members.text("kind");
  component.interface = members.text("interface");
  component.name = members.text("name");
  component.doc = members.text("doc");
  component.fields = list("fields", field_of);
  component.presets = list("presets", preset_of);
  component.facts = list("facts", fact_of);
  component.tensors = list("tensors", tensor_of);
  component.constraints = list("constraints", constraint_of);
  component.needs = list("needs", port_of);
  component.makes = list("makes", text_of);
  members.finish();
  return component;
}

}  // namespace

std::string descriptions_to_json(const std::vector<ComponentDescription>& components) {
  json::array array;
  for (const ComponentDescription& component : components) array.push_back(json_of(component));
  return json::serialize(json::object{{"format", kFormat}, {"components", std::move(array)}}) + "\n";
}

std::vector<ComponentDescription> descriptions_from_json(std::string_view text) {
  json::error_code failure;
  const json::value document = json::parse(text, failure);
  if (failure) refuse("the start", "it is not JSON (" + failure.message() + ")");
  Members members(document, "the document");
  const json::value& format = members.get("format");
  if (format != kFormat) refuse(members.where("format"), "this host reads format " + std::to_string(kFormat));
  auto components = list_of(members.get("components"), "components", component_of);
  members.finish();
  return components;
}

}  // namespace easylm
