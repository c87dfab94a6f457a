// A query, understood: what its parser makes and its compiler reads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace easylm::query {

using Literal = std::variant<std::int64_t, double, std::string>;

// Where a field's values are: in a column of `versions`, or in rows that hang off a version or its run.
enum class FieldSource { number, text, date, run, alias, parent, tag, metric, config };

struct Field {
  FieldSource source = FieldSource::number;
  std::string name;  // the column; of a tag, metric or config: the key
};

enum class Test { compare, like, in, missing, all, any, negate };
enum class Comparison { equal, unequal, less, less_equal, greater, greater_equal };

// A condition is true or false of every version: what compares with something missing is false.
struct Condition {
  Test test = Test::compare;
  Field field;                                // of compare, like, in, missing
  Comparison comparison = Comparison::equal;  // of compare
  std::vector<Literal> values;                // one, of `in` any number
  std::vector<Condition> parts;               // of all, any: two or more; of negate: one
};

struct OrderKey {
  Field field;
  bool descending = false;
};

struct Query {
  std::optional<Condition> where;
  std::vector<OrderKey> order;  // empty: the newest come first
  std::optional<std::int64_t> limit;
};

}  // namespace easylm::query
