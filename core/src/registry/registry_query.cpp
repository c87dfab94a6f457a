// The registry's answers to queries.
#include <algorithm>
#include <iterator>

#include "config/did_you_mean.h"
#include "registry/database.h"
#include "registry/queries.h"
#include "registry/query/compiler.h"
#include "registry/query/parser.h"
#include "registry/registry.h"
#include "registry/sql_console.h"

namespace easylm {
namespace {

void collect_fields(const query::Condition& condition, std::vector<query::Field>& fields) {
  if (condition.parts.empty()) fields.push_back(condition.field);
  for (const query::Condition& part : condition.parts) collect_fields(part, fields);
}

struct KeyTable {
  std::string what, column, table;  // `what` is for people
};

KeyTable table_of(query::FieldSource source) {
  switch (source) {
    case query::FieldSource::tag:
      return {"tag", "key", "tags"};
    case query::FieldSource::metric:
      return {"metric", "name", "metrics"};
    case query::FieldSource::config:
      return {"configuration key", "key", "run_config"};
    default:
      return {};
  }
}

bool has_key(Database& database, const KeyTable& keys, const std::string& key) {
  Statement row = database.prepare("SELECT 1 FROM " + keys.table + " WHERE " + keys.column + " = ? LIMIT 1");
  row.bind(key);
  return row.step();
}

std::vector<std::string> all_keys(Database& database, const KeyTable& keys) {
  Statement rows = database.prepare("SELECT DISTINCT " + keys.column + " FROM " + keys.table);
  std::vector<std::string> found;
  while (rows.step()) found.push_back(rows.text(0));
  return found;
}

// "no version has a metric 'los': did you mean 'loss'?" for the first key that nobody has.
std::string note_on(Database& database, const query::Query& asked) {
  std::vector<query::Field> fields;
  if (asked.where) collect_fields(*asked.where, fields);
  for (const query::Field& field : fields) {
    const KeyTable keys = table_of(field.source);
    if (keys.table.empty() || has_key(database, keys, field.name)) continue;
    const std::string near = nearest(field.name, all_keys(database, keys));
    return "no version has a " + keys.what + " '" + field.name + "'" +
           (near.empty() ? "" : ": did you mean '" + near + "'?");
  }
  return {};
}

std::vector<std::int64_t> ids_of(Database& database, const query::Sql& sql) {
  Statement rows = database.prepare(sql.text);
  sql.bind(rows);
  std::vector<std::int64_t> ids;
  while (rows.step()) ids.push_back(rows.integer(0));
  return ids;
}

// A walk is tried for some milliseconds where it may be quicker. It is complete if it found enough.
std::vector<std::int64_t> ids_of(Database& database, const query::Query& asked) {
  constexpr int kWalkSteps = 200000;
  if (const auto walk = query::compile_walk(asked)) {
    std::vector<std::int64_t> ids;
    const bool ended = database.within(kWalkSteps, [&] { ids = ids_of(database, *walk); });
    if (ended && std::ssize(ids) == *asked.limit) return ids;
  }
  return ids_of(database, query::compile(asked));
}

}  // namespace

QueryResult Registry::query(std::string_view text, std::int64_t most) const {
  const query::Query asked = query::parse_query(text);
  const ReadTransaction snapshot(*database_);
  std::vector<std::int64_t> ids = ids_of(*database_, asked);
  QueryResult result;
  result.num_found = static_cast<std::int64_t>(ids.size());
  if (ids.empty()) result.note = note_on(*database_, asked);
  if (most > 0 && result.num_found > most) ids.resize(static_cast<std::size_t>(most));
  result.versions = Queries(*database_, home_).load(ids);
  if (asked.order.empty()) sort_by_name(result.versions);
  return result;
}

SqlTable Registry::select(const std::string& sql, double timeout_s) const {
  return run_select(*database_, sql, timeout_s);
}

bool Registry::matches(std::string_view condition, std::string_view reference) const {
  const query::Sql sql = query::compile(query::parse_condition(condition));
  const ReadTransaction snapshot(*database_);
  const Found found = Queries(*database_, home_).resolve(parse_reference(reference));
  Statement row = database_->prepare("SELECT " + sql.text + " FROM versions v WHERE v.id = ?");
  sql.bind(row);
  row.bind(found.id);
  return row.step() && row.integer(0) != 0;
}

}  // namespace easylm
