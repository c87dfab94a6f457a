// Checks single settings that hold no tables: booleans, numbers, strings, and lists of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "easylm/schema.h"
#include "easylm/value.h"

namespace easylm {

// `raw` as a value of the field's type within its bounds and choices, an integer turned into a real where one
// is wanted; none if it isn't, which is reported. `where` is the setting's dotted path.
// REQUIRES: the field isn't a component or a table.
std::optional<Value> check_plain_value(const Value& raw, const Field& field, const std::string& where,
                                       Diagnostics& diagnostics);

// "an integer", "a list of strings".
std::string with_article(std::string_view noun);

// "the string "abc"", "a table": what was found where something else was wanted.
std::string describe(const Value& value);

// "a, b, c"; "none" if there are none.
std::string join(const std::vector<std::string>& words);

}  // namespace easylm
