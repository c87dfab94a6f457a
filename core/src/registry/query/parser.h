// Reads queries:
//
//   query      = [condition] ["order" "by" key {"," key}] ["limit" number]
//   key        = field ["asc" | "desc"]
//   condition  = both {"or" both}        both = one {"and" one}        one = "not" one | "(" condition ")" |
//   test test       = field ("=" | "!=" | "<" | "<=" | ">" | ">=") value
//              | field ["not"] "like" text | field ["not"] "in" "(" value {"," value} ")"
//              | field "is" ["not"] ("null" | "missing")
//   field      = name | version | step | tokens | bytes | created | run | stage | format | status | parent |
//   alias
//              | tags.KEY | metrics.NAME | config.PATH
//   value      = number | text in single or double quotes | true | false
//
// Words of the language may be written large or small; fields as they are.
#pragma once

#include <string_view>

#include "easylm/export.h"
#include "registry/query/syntax.h"

namespace easylm::query {

inline constexpr int kMaxDepth = 12;  // of parentheses and `not`s; SQLite's own parser is not much deeper

// Throw Error{invalid_config} with a caret under the spot. [any-thread]
EASYLM_API Query parse_query(std::string_view source);
EASYLM_API Condition parse_condition(std::string_view source);

}  // namespace easylm::query
