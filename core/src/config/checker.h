// Checks raw tables against descriptions and makes the resolved ones that plugins receive.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/descriptions.h"
#include "config/diagnostics.h"
#include "config/expression.h"
#include "easylm/export.h"
#include "easylm/schema.h"
#include "easylm/value.h"

namespace easylm {

// What becomes of keys that aren't given.
enum class Unset {
  fill_in,    // the default, or an error for a required one
  leave_out,  // nothing: the settings override others that are known only later
};

// Where a component stands in the configuration.
struct ComponentPlace {
  std::string kind;                    // "optimizer"
  std::string where;                   // its dotted path, for messages: "dataset.train"
  std::vector<std::string> host_keys;  // keys that the host has taken out already; for suggestions
  Unset unset = Unset::fill_in;
};

// A resolved Table has its component's name in `type`, every key known and of its description's type, every
// default filled in, every path absolute. Its origin is that of the `type`.
class EASYLM_API Checker {
 public:
  // `directory` (absolute) is where relative paths start. The other two outlive the checker.
  Checker(const Descriptions& descriptions, std::filesystem::path directory, Diagnostics& diagnostics);

  // A plain table. Wrong settings are reported and left out.
  Table check_table(const Table& raw, std::span<const Field> fields, const std::string& where);

  // A component, given as a table or by its name alone; its constraints too, except a stage's, which may look
  // at the whole pipeline. None if its description can't be found; whatever is wrong is reported.
  // An already resolved table is accepted and comes back the same.
  std::optional<Table> check_component(const Value& raw, const ComponentPlace& place);

  // Settings that override those of a component whose type is known only later (a model that comes `from`
  // somewhere): each must fit at least one component of that kind. The result's type is empty.
  Table check_overrides(const Table& raw, const ComponentPlace& place);

 private:
  struct Spot;

  Table check_settings(const Table& raw, std::span<const Field> fields, const Spot& spot);
  std::optional<Value> check_value(const Value& raw, const Field& field, const Spot& spot);
  std::optional<Value> check_plain_table(const Value& raw, const Field& field, const Spot& spot);
  std::optional<Value> check_named_tables(const Value& raw, const Field& field, const Spot& spot);
  std::optional<Table> check_nested(const Value& raw, const Spot& spot, const Value* default_value);
  std::optional<std::string> type_of(Table& table, const Spot& spot, const Value* default_value);
  const ComponentDescription* find_component(const std::string& type, const Spot& spot, const Origin& at);
  Table expand_preset(const Table& raw, const ComponentDescription& description, Spot& spot);
  std::optional<Value> resolve_path(const Value& raw, const Field& field, const Spot& spot);
  // The key that was probably meant; empty if none.
  std::string report_unknown(const Setting& setting, std::span<const Field> fields, const Spot& spot);

  const Descriptions& descriptions_;
  const std::filesystem::path directory_;
  Diagnostics& diagnostics_;
};

// The value of a dotted name in a resolved table: "hidden_size", "attention.type". Absent if it isn't there
// or is a list or a table.
EASYLM_API ExpressionValue lookup_setting(const Table& table, std::string_view name);

// Reports every constraint of the description that doesn't hold for the resolved `table`; names that aren't
// in it are looked up with `outside`.
EASYLM_API void check_constraints(const ComponentDescription& description, const Table& table,
                                  const ExpressionLookup& outside, Diagnostics& diagnostics);

// A fact of a component, worked out from its resolved settings; none if the description has no such fact or
// something that it needs isn't set. Facts may use facts described before them. Throws
// Error{invalid_config} if the plugin's expression is wrong.
EASYLM_API std::optional<double> evaluate_fact(const ComponentDescription& description, const Table& table,
                                               std::string_view name);

}  // namespace easylm
