// Checks tables against descriptions: unknown keys, types, defaults, presets, nested components, paths.
#include "config/checker.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <system_error>
#include <utility>

#include "config/did_you_mean.h"
#include "config/document.h"
#include "config/plain_values.h"

namespace easylm {
namespace {

// The origin of a value that nobody wrote into the table at `at`.
Origin filled_in(std::string source, const Origin& at) {
  return {std::move(source), at.file.empty() ? at.source : at.file, at.line, at.column};
}

// Environment variables don't keep upper and lower case apart.
bool names_key(const Setting& setting, std::string_view key) {
  if (setting.key == key) return true;
  if (setting.value.origin.source != "environment") return false;
  return std::equal(setting.key.begin(), setting.key.end(), key.begin(), key.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

const Value* find_given(const Table& table, std::string_view key) {
  const auto found = std::find_if(table.settings.begin(), table.settings.end(),
                                  [&](const Setting& setting) { return names_key(setting, key); });
  return found == table.settings.end() ? nullptr : &found->value;
}

std::vector<std::string> keys_of(std::span<const Field> fields) {
  std::vector<std::string> keys;
  for (const Field& field : fields) keys.push_back(field.key);
  return keys;
}

bool has_field(std::span<const Field> fields, std::string_view key) {
  return std::any_of(fields.begin(), fields.end(), [&](const Field& field) { return field.key == key; });
}

bool takes_presets(const ComponentDescription& description) {
  return !description.presets.empty() && !has_field(description.fields, "preset");
}

}  // namespace

// Where the checker stands.
struct Checker::Spot {
  std::string where;                   // dotted path
  std::string kind = {};               // of the component; empty: a plain table
  std::string type = {};               // of the component, once known
  Origin at = {};                      // the table's, for what isn't written in it
  Unset unset = Unset::fill_in;        // of the table's own keys
  std::vector<std::string> more = {};  // further keys that may stand here
  int depth = 0;                       // of nesting

  std::string name() const {
    const bool says_type = type.empty() || where == type || where.ends_with("." + type);
    return says_type ? where : where + " (" + type + ")";
  }
  std::string path_of(const std::string& key) const { return where.empty() ? key : where + "." + key; }
};

Checker::Checker(const Descriptions& descriptions, std::filesystem::path directory, Diagnostics& diagnostics)
    : descriptions_(descriptions), directory_(std::move(directory)), diagnostics_(diagnostics) {}

Table Checker::check_table(const Table& raw, std::span<const Field> fields, const std::string& where) {
  Spot spot{where};
  spot.at = raw.origin;
  return check_settings(raw, fields, spot);
}

std::optional<Table> Checker::check_component(const Value& raw, const ComponentPlace& place) {
  Spot spot{place.where, place.kind};
  spot.unset = place.unset;
  spot.more = place.host_keys;
  return check_nested(raw, spot, nullptr);
}

Table Checker::check_overrides(const Table& raw, const ComponentPlace& place) {
  Spot spot{place.where, place.kind};
  spot.at = raw.origin;
  spot.more = place.host_keys;
  std::vector<Field> candidates;
  for (const std::string& name : descriptions_.names(place.kind)) {
    const ComponentDescription* description = descriptions_.find(place.kind, name);
    if (description == nullptr) continue;
    candidates.insert(candidates.end(), description->fields.begin(), description->fields.end());
  }
  Table result;
  result.origin = raw.origin;
  for (const Setting& setting : raw.settings) {
    bool known = false;
    std::optional<Value> value;
    Diagnostics first_problem;
    for (const Field& field : candidates) {
      if (!names_key(setting, field.key) || value) continue;
      Diagnostics problem;
      Checker attempt(descriptions_, directory_, problem);
      value = attempt.check_value(setting.value, field, spot);
      if (problem.has_errors()) value.reset();
      if (!known) first_problem = std::move(problem);
      known = true;
    }
    if (!known) (void)report_unknown(setting, candidates, spot);
    if (known && !value) diagnostics_.append(first_problem);
    if (value) result.settings.push_back({setting.key, std::move(*value)});
  }
  return result;
}

Table Checker::check_settings(const Table& raw, std::span<const Field> fields, const Spot& spot) {
  std::vector<std::string> misspelt;  // fields that are there under a wrong name
  for (const Setting& setting : raw.settings) {
    if (!spot.kind.empty() && names_key(setting, "type")) continue;
    const bool known = std::any_of(fields.begin(), fields.end(),
                                   [&](const Field& field) { return names_key(setting, field.key); });
    if (!known) misspelt.push_back(report_unknown(setting, fields, spot));
  }
  Table result;
  result.type = spot.type;
  result.origin = raw.origin;
  for (const Field& field : fields) {
    std::optional<Value> value;
    if (const Value* given = find_given(raw, field.key)) {
      value = check_value(*given, field, spot);
    } else if (spot.unset == Unset::leave_out) {
      continue;
    } else if (field.default_value) {
      Value filled = *field.default_value;
      set_origin(filled, filled_in("default", spot.at));
      value = check_value(filled, field, spot);
    } else if (!field.is_optional &&
               std::find(misspelt.begin(), misspelt.end(), field.key) == misspelt.end()) {
      diagnostics_.error(spot.at, "missing_key", spot.name() + " needs a value for '" + field.key + "'",
                         field.doc.empty() ? "" : field.key + ": " + field.doc);
    }
    if (value) result.settings.push_back({field.key, std::move(*value)});
  }
  return result;
}

std::optional<Value> Checker::check_value(const Value& raw, const Field& field, const Spot& spot) {
  Spot inner{spot.path_of(field.key)};
  inner.at = raw.origin;
  inner.depth = spot.depth + 1;
  if (field.type == FieldType::component) {
    inner.kind = field.component_kind;
    auto table = check_nested(raw, inner, field.default_value ? &*field.default_value : nullptr);
    if (!table) return std::nullopt;
    return Value{std::move(*table), raw.origin};
  }
  if (field.type == FieldType::table) return check_plain_table(raw, field, inner);
  if (field.type == FieldType::tables) return check_named_tables(raw, field, inner);
  auto value = check_plain_value(raw, field, inner.where, diagnostics_);
  if (!value || field.type != FieldType::path) return value;
  return resolve_path(*value, field, inner);
}

std::optional<Value> Checker::check_plain_table(const Value& raw, const Field& field, const Spot& spot) {
  if (const Table* table = raw.as<Table>()) {
    return Value{check_settings(*table, field.fields, spot), raw.origin};
  }
  diagnostics_.error(raw.origin, "wrong_type", spot.where + " must be a table, not " + describe(raw));
  return std::nullopt;
}

std::optional<Value> Checker::check_named_tables(const Value& raw, const Field& field, const Spot& spot) {
  const Table* tables = raw.as<Table>();
  if (tables == nullptr) {
    diagnostics_.error(raw.origin, "wrong_type",
                       spot.where + " must be a table of named tables, not " + describe(raw));
    return std::nullopt;
  }
  Table result;
  result.origin = tables->origin;
  for (const Setting& setting : tables->settings) {
    Spot inner{spot.path_of(setting.key)};
    inner.at = setting.value.origin;
    inner.depth = spot.depth + 1;
    if (auto value = check_plain_table(setting.value, field, inner))
      result.set(setting.key, std::move(*value));
  }
  return Value{std::move(result), raw.origin};
}

std::optional<Table> Checker::check_nested(const Value& raw, const Spot& outer, const Value* default_value) {
  Spot spot = outer;
  spot.at = raw.origin;
  if (spot.depth > kMaxDocumentDepth) {  // a default that leads back to itself
    diagnostics_.error(spot.at, "plugin", "the defaults of " + spot.kind + " components contain one another",
                       "report this to the plugin's author");
    return std::nullopt;
  }
  Table table;
  if (raw.as<std::string>() != nullptr) {
    table.settings.push_back({"type", raw});
    table.origin = raw.origin;
  } else if (const Table* held = raw.as<Table>()) {
    table = *held;
  } else {
    diagnostics_.error(raw.origin, "wrong_type", spot.where + " must be a component, not " + describe(raw),
                       "write a name, or a table with a type");
    return std::nullopt;
  }
  const auto type = type_of(table, spot, default_value);
  if (!type) return std::nullopt;
  spot.type = *type;
  const Origin type_origin = table.origin;
  const ComponentDescription* description = find_component(*type, spot, type_origin);
  if (description == nullptr) return std::nullopt;
  const std::size_t errors_before = diagnostics_.num_errors();
  if (takes_presets(*description)) {
    table = expand_preset(table, *description, spot);
    spot.more.emplace_back("preset");
  }
  Table result = check_settings(table, description->fields, spot);
  result.origin = type_origin;
  const bool clean = diagnostics_.num_errors() == errors_before;
  if (clean && spot.kind != "stage") check_constraints(*description, result, {}, diagnostics_);
  return result;
}

// Also makes `table.origin` that of the type, and puts the settings of a default component beneath a table
// that doesn't name another.
std::optional<std::string> Checker::type_of(Table& table, const Spot& spot, const Value* default_value) {
  if (!table.type.empty()) return table.type;
  if (const Value* given = find_given(table, "type")) {
    const std::string* type = given->as<std::string>();
    if (type == nullptr || type->empty()) {
      diagnostics_.error(
          given->origin, "wrong_type",
          spot.where + ".type must be the name of a " + spot.kind + ", not " + describe(*given));
      return std::nullopt;
    }
    table.origin = given->origin;
    return *type;
  }
  const Table* base = default_value != nullptr ? default_value->as<Table>() : nullptr;
  if (base != nullptr) {
    Value filled = *default_value;
    set_origin(filled, filled_in("default", spot.at));
    Table merged = std::get<Table>(filled.data);
    const Origin origin = merged.origin;
    merge_tables(merged, table);
    table = std::move(merged);
    table.origin = origin;
    return table.type;
  }
  diagnostics_.error(spot.at, "missing_key", spot.where + " needs a type",
                     "installed: " + join(descriptions_.names(spot.kind)));
  return std::nullopt;
}

const ComponentDescription* Checker::find_component(const std::string& type, const Spot& spot,
                                                    const Origin& at) {
  const ComponentDescription* description = descriptions_.find(spot.kind, type);
  const auto reason = descriptions_.reason_unavailable(spot.kind, type);
  if (reason) {
    diagnostics_.error(at, "unavailable", spot.kind + " '" + type + "' can't be used here: " + *reason,
                       "`easylm plugins doctor` says more");
  } else if (description == nullptr) {
    const auto names = descriptions_.names(spot.kind);
    diagnostics_.error(at, "unknown_component", "there is no " + spot.kind + " called '" + type + "'",
                       names.empty()
                           ? "no plugin offers a " + spot.kind + "; `easylm plugins list` shows them"
                           : suggestion(type, names, "installed"));
  }
  return description;
}

Table Checker::expand_preset(const Table& raw, const ComponentDescription& description, Spot& spot) {
  const Value* given = find_given(raw, "preset");
  if (given == nullptr) return raw;
  Table result = raw;
  std::erase_if(result.settings, [](const Setting& setting) { return names_key(setting, "preset"); });
  std::vector<std::string> names;
  for (const Preset& preset : description.presets) names.push_back(preset.name);
  const std::string* name = given->as<std::string>();
  const auto chosen =
      std::find_if(description.presets.begin(), description.presets.end(),
                   [&](const Preset& preset) { return name != nullptr && preset.name == *name; });
  if (chosen == description.presets.end()) {
    diagnostics_.error(
        given->origin, "unknown_preset",
        spot.name() + " has no preset " + (name != nullptr ? "'" + *name + "'" : describe(*given)),
        suggestion(name != nullptr ? *name : "", names, "presets"));
    spot.unset = Unset::leave_out;  // what the preset would have given isn't missing
    return result;
  }
  for (const Setting& setting : chosen->settings) {
    if (find_given(result, setting.key) != nullptr) continue;
    Setting added = setting;
    set_origin(added.value, filled_in("preset " + *name, given->origin));
    result.settings.push_back(std::move(added));
  }
  return result;
}

std::optional<Value> Checker::resolve_path(const Value& raw, const Field& field, const Spot& spot) {
  const std::string& text = *raw.as<std::string>();
  const std::string* standard = field.default_value ? field.default_value->as<std::string>() : nullptr;
  if (text.empty() && standard != nullptr && standard->empty()) return raw;  // it may be left unset
  if (text.empty() || text.find('\0') != std::string::npos) {
    diagnostics_.error(raw.origin, "wrong_type", spot.where + " must be a path, not " + describe(raw));
    return std::nullopt;
  }
  const auto path = (directory_ / text).lexically_normal();
  const int problem = field.must_exist && ::access(path.c_str(), R_OK) != 0 ? errno : 0;
  if (problem != 0) {
    const bool absent = problem == ENOENT || problem == ENOTDIR;
    const bool relative = std::filesystem::path(text).is_relative();
    diagnostics_.error(raw.origin, "unreadable",
                       spot.where + ": " + (absent ? "there is nothing at '" : "can't read '") +
                           path.string() + "'" +
                           (absent ? "" : ": " + std::generic_category().message(problem)),
                       absent && relative ? "relative paths start in " + directory_.string() : "");
    return std::nullopt;
  }
  return Value{path.string(), raw.origin};
}

std::string Checker::report_unknown(const Setting& setting, std::span<const Field> fields, const Spot& spot) {
  std::vector<std::string> keys = keys_of(fields);
  keys.insert(keys.end(), spot.more.begin(), spot.more.end());
  diagnostics_.error(setting.value.origin, "unknown_key",
                     "unknown key '" + setting.key + "' in " + spot.name(),
                     suggestion(setting.key, keys, "its keys"));
  return nearest(setting.key, keys);
}

}  // namespace easylm
