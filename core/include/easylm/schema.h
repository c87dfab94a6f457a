// A component's description of its own configuration: said once, in `Config::describe`, and used for parsing,
// checking, `plugins describe`, JSON Schema and the reference documentation.
//
//   struct Config {
//     double peak = 1e-3;
//     static void describe(Schema<Config>& s) {
//       s.field("peak", &Config::peak, "highest learning rate").at_least(0);
//     }
//   };
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

enum class FieldType {
  boolean,
  integer,
  real,
  string,
  path,
  component,
  table,
  integers,
  reals,
  strings,
  tables
};

// The word for a type as messages and documentation use it, for example "list of integers".
EASYLM_API std::string_view name_of(FieldType type);

// A path. The host makes it absolute (against the directory of the command) before a plugin sees it.
struct Path {
  std::string text;
};

struct Field {
  std::string key;
  FieldType type = FieldType::string;
  std::string doc;
  std::string unit;                    // "steps", "tokens", "bytes"; empty if none
  std::optional<Value> default_value;  // none: optional (is_optional) or required
  bool is_optional = false;
  bool must_exist = false;  // paths: `check` fails if nothing is there
  std::optional<double> minimum, maximum;
  bool exclusive_minimum = false;
  std::vector<std::string> choices;  // strings: the only values allowed
  std::string component_kind;        // components: which kind
  std::vector<Field> fields;         // tables: what is in it, or in each of them
};

// A named set of values that the key `preset` chooses; keys given beside it win.
struct Preset {
  std::string name;
  std::vector<Setting> settings;
};

// A number about the component that the host can work out from its settings without running its code: an
// arithmetic expression over its keys (+ - * / % ( ) comparisons ?: and min, max, ceil). Booleans count 0
// or 1.
struct Fact {
  std::string name;  // "parameters", "flops_per_token", "state_bytes_per_parameter", …
  std::string expression;
};

// A condition that must hold between settings that are each allowed; the host checks it without running the
// component's code. Same expressions as Fact; a stage may also name keys of what it is given
// ("model.hidden_size"). A condition over something that is absent holds.
struct Constraint {
  std::string expression;
  std::string key;      // the key to point at
  std::string message;  // "{key}" stands for that key's value
  std::string hint;
};

// Tensors that a component's settings say it has, under the names of its files: what a checkpoint of it
// holds.
struct TensorRule {
  std::string name;                // "model.layers.{i}.mlp.up_proj.weight": {i} counts from 0
  std::vector<std::string> shape;  // expressions, as in Fact
  std::string count = {};          // how many there are, an expression; empty: one, without {i}
  std::string condition = {};      // an expression: there are none if it is 0; empty: there are
};

// What a stage needs or makes, by name: "model", "tokenizer", "optimizer", "dataset.train", "checkpoint",
// "report".
struct Port {
  std::string name;
  bool required = true;
};

namespace schema_detail {

template <typename T>
struct FieldTypeOf;
template <>
struct FieldTypeOf<bool> {
  static constexpr FieldType value = FieldType::boolean;
};
template <>
struct FieldTypeOf<std::int64_t> {
  static constexpr FieldType value = FieldType::integer;
};
template <>
struct FieldTypeOf<double> {
  static constexpr FieldType value = FieldType::real;
};
template <>
struct FieldTypeOf<std::string> {
  static constexpr FieldType value = FieldType::string;
};
template <>
struct FieldTypeOf<Path> {
  static constexpr FieldType value = FieldType::path;
};
template <>
struct FieldTypeOf<Table> {
  static constexpr FieldType value = FieldType::component;
};
template <>
struct FieldTypeOf<std::vector<std::int64_t>> {
  static constexpr FieldType value = FieldType::integers;
};
template <>
struct FieldTypeOf<std::vector<double>> {
  static constexpr FieldType value = FieldType::reals;
};
template <>
struct FieldTypeOf<std::vector<std::string>> {
  static constexpr FieldType value = FieldType::strings;
};

// Conversions between the typed members of a Config and Value. The host has checked types before `assign`.
EASYLM_API Value to_value(bool x);
EASYLM_API Value to_value(std::int64_t x);
EASYLM_API Value to_value(double x);
EASYLM_API Value to_value(const std::string& x);
EASYLM_API Value to_value(const Path& x);
EASYLM_API Value to_value(const Table& x);
EASYLM_API Value to_value(const std::vector<std::int64_t>& x);
EASYLM_API Value to_value(const std::vector<double>& x);
EASYLM_API Value to_value(const std::vector<std::string>& x);
EASYLM_API void assign(bool& out, const Value& value);
EASYLM_API void assign(std::int64_t& out, const Value& value);
EASYLM_API void assign(double& out, const Value& value);
EASYLM_API void assign(std::string& out, const Value& value);
EASYLM_API void assign(Path& out, const Value& value);
EASYLM_API void assign(Table& out, const Value& value);
EASYLM_API void assign(std::vector<std::int64_t>& out, const Value& value);
EASYLM_API void assign(std::vector<double>& out, const Value& value);
EASYLM_API void assign(std::vector<std::string>& out, const Value& value);

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {
  using Inner = T;
};

}  // namespace schema_detail

// Refines the field that was just described. Returned by the Schema's methods.
class FieldRefiner {
 public:
  explicit FieldRefiner(Field& field) : field_(field) {}
  FieldRefiner& unit(std::string text) {
    field_.unit = std::move(text);
    return *this;
  }
  FieldRefiner& at_least(double x) {
    field_.minimum = x;
    return *this;
  }
  FieldRefiner& at_most(double x) {
    field_.maximum = x;
    return *this;
  }
  FieldRefiner& above(double x) {
    field_.minimum = x;
    field_.exclusive_minimum = true;
    return *this;
  }
  FieldRefiner& one_of(std::vector<std::string> names) {
    field_.choices = std::move(names);
    return *this;
  }
  FieldRefiner& must_exist() {
    field_.must_exist = true;
    return *this;
  }
  FieldRefiner& required() {
    field_.default_value.reset();
    field_.is_optional = false;
    return *this;
  }

 private:
  Field& field_;
};

// Collects the description of one Config type C. Fields keep the order in which they are described.
template <typename C>
class Schema {
 public:
  // A key of the table. Its default is the member's in-class initialiser; std::optional members have none.
  template <typename T>
  FieldRefiner field(std::string key, T C::*member, std::string doc) {
    using namespace schema_detail;
    Field field;
    field.key = std::move(key);
    field.doc = std::move(doc);
    if constexpr (IsOptional<T>::value) {
      field.type = FieldTypeOf<typename IsOptional<T>::Inner>::value;
      field.is_optional = true;
      add(
          std::move(field), [member](C& c, const Value& v) { assign((c.*member).emplace(), v); },
          [member](const C& c) {
            return c.*member ? std::optional(to_value(*(c.*member))) : std::optional<Value>();
          });
    } else {
      field.type = FieldTypeOf<T>::value;
      field.default_value = to_value(C{}.*member);
      add(
          std::move(field), [member](C& c, const Value& v) { assign(c.*member, v); },
          [member](const C& c) { return std::optional(to_value(c.*member)); });
    }
    return FieldRefiner(fields_.back());
  }

  // A nested component of the given kind: the member is the checked table that Host::make takes.
  FieldRefiner component(std::string key, std::string kind, Table C::*member, std::string doc) {
    Field field;
    field.key = std::move(key);
    field.type = FieldType::component;
    field.doc = std::move(doc);
    field.component_kind = std::move(kind);
    Table initial = C{}.*member;
    if (!initial.type.empty()) field.default_value = schema_detail::to_value(initial);
    add(
        std::move(field), [member](C& c, const Value& v) { schema_detail::assign(c.*member, v); },
        [member](const C& c) {
          const Table& held = c.*member;
          return held.type.empty() ? std::optional<Value>() : std::optional(schema_detail::to_value(held));
        });
    return FieldRefiner(fields_.back());
  }

  // A plain table with a description of its own; absent unless given.
  template <typename Sub>
  FieldRefiner table(std::string key, std::optional<Sub> C::*member, std::string doc) {
    Schema<Sub> sub;
    Sub::describe(sub);
    Field field;
    field.key = std::move(key);
    field.type = FieldType::table;
    field.doc = std::move(doc);
    field.is_optional = true;
    field.fields = sub.fields();
    add(
        std::move(field),
        [member, sub](C& c, const Value& v) { c.*member = sub.read(*v.template as<Table>()); },
        [member, sub](const C& c) {
          return c.*member ? std::optional(Value{sub.write(*(c.*member)), {}}) : std::optional<Value>();
        });
    return FieldRefiner(fields_.back());
  }

  // Any number of plain tables of one description, each under a name that the user chooses; in the order of
  // their names.
  template <typename Sub>
  FieldRefiner tables(std::string key, std::vector<std::pair<std::string, Sub>> C::*member, std::string doc) {
    Schema<Sub> sub;
    Sub::describe(sub);
    Field field;
    field.key = std::move(key);
    field.type = FieldType::tables;
    field.doc = std::move(doc);
    field.is_optional = true;
    field.fields = sub.fields();
    add(
        std::move(field),
        [member, sub](C& c, const Value& v) {
          for (const Setting& entry : v.template as<Table>()->settings) {
            (c.*member).emplace_back(entry.key, sub.read(*entry.value.template as<Table>()));
          }
          std::sort((c.*member).begin(), (c.*member).end(),
                    [](const auto& a, const auto& b) { return a.first < b.first; });
        },
        [member, sub](const C& c) {
          Table all;
          for (const auto& [name, entry] : c.*member) all.set(name, {sub.write(entry), {}});
          return all.settings.empty() ? std::optional<Value>() : std::optional(Value{std::move(all), {}});
        });
    return FieldRefiner(fields_.back());
  }

  void preset(std::string name, std::vector<Setting> settings) {
    presets_.push_back({std::move(name), std::move(settings)});
  }
  void fact(std::string name, std::string expression) {
    facts_.push_back({std::move(name), std::move(expression)});
  }
  void tensor(TensorRule rule) { tensors_.push_back(std::move(rule)); }
  void require(std::string expression, std::string key, std::string message, std::string hint = {}) {
    constraints_.push_back({std::move(expression), std::move(key), std::move(message), std::move(hint)});
  }

  // What a stage needs and makes; only stages have ports.
  void needs(std::string port) { needs_.push_back({std::move(port), true}); }
  void can_use(std::string port) { needs_.push_back({std::move(port), false}); }
  void makes(std::string port) { makes_.push_back(std::move(port)); }

  // The typed configuration. REQUIRES: `table` was checked against fields().
  C read(const Table& table) const {
    C config{};
    for (const Setting& setting : table.settings) {
      for (std::size_t i = 0; i < fields_.size(); ++i) {
        if (fields_[i].key == setting.key) setters_[i](config, setting.value);
      }
    }
    return config;
  }

  // The inverse of read(): every key with the value that `config` holds; those that are unset are left out.
  Table write(const C& config) const {
    Table table;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      if (auto value = getters_[i](config)) table.set(fields_[i].key, std::move(*value));
    }
    return table;
  }

  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Preset>& presets() const { return presets_; }
  const std::vector<Fact>& facts() const { return facts_; }
  const std::vector<TensorRule>& tensors() const { return tensors_; }
  const std::vector<Constraint>& constraints() const { return constraints_; }
  const std::vector<Port>& needs() const { return needs_; }
  const std::vector<std::string>& makes() const { return makes_; }

 private:
  using Setter = std::function<void(C&, const Value&)>;
  using Getter = std::function<std::optional<Value>(const C&)>;
  void add(Field field, Setter setter, Getter getter) {
    fields_.push_back(std::move(field));
    setters_.push_back(std::move(setter));
    getters_.push_back(std::move(getter));
  }

  std::vector<Field> fields_;
  std::vector<Setter> setters_;
  std::vector<Getter> getters_;
  std::vector<Preset> presets_;
  std::vector<Fact> facts_;
  std::vector<TensorRule> tensors_;
  std::vector<Constraint> constraints_;
  std::vector<Port> needs_;
  std::vector<std::string> makes_;
};

}  // namespace easylm
