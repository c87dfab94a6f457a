// Configuration as plain data: what the host has parsed and checked, and what a plugin receives.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// Where a value came from. `source` is "file", "--set", "environment", "preset NAME", "default" or
// "checkpoint".
struct Origin {
  std::string source = "default";
  std::string file;  // where it is written; for a preset or a default, where the table is that it fills
  int line = 0;      // 1-based; 0 if unknown
  int column = 0;
};

struct Setting;
struct Value;

// An ordered table of settings. For a component `type` names it; for a plain table it is empty.
struct EASYLM_API Table {
  std::string type;
  std::vector<Setting> settings;
  Origin origin = {};

  const Value* find(std::string_view key) const;  // null if absent
  void set(std::string key, Value value);         // replaces or appends
};

using List = std::vector<Value>;

// One value. Integers and reals are distinct; a real key accepts an integer.
struct Value {
  std::variant<bool, std::int64_t, double, std::string, List, Table> data;
  Origin origin;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
};

struct Setting {
  std::string key;
  Value value;
};

}  // namespace easylm
