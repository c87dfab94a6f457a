// The registry's SQL on versions.
#include "registry/queries.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "config/did_you_mean.h"
#include "easylm/error.h"
#include "platform/clock.h"

namespace easylm {
namespace {

constexpr std::size_t kMostListed = 10;  // names in a hint

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size() && i < kMostListed; ++i) text += (i > 0 ? ", " : "") + items[i];
  if (items.size() > kMostListed) text += " and " + std::to_string(items.size() - kMostListed) + " more";
  return text;
}

// "did you mean …?", or what there is.
std::string hint_among(std::string_view word, const std::vector<std::string>& items, const char* label) {
  const std::string near = nearest(word, items);
  return near.empty() ? label + listed(items) : "did you mean '" + near + "'?";
}

// A run, the one that it continues, and so on.
constexpr std::string_view kLine =
    "WITH RECURSIVE line(id) AS (SELECT ? UNION SELECT r.continues FROM runs r JOIN line USING(id) "
    "WHERE r.continues IS NOT NULL) SELECT id FROM line";

// The SQL of a filter, and its values in the same order.
std::string where_of(const VersionFilter& filter) {
  std::string sql = " WHERE 1";
  if (!filter.name.empty()) sql += " AND name = ?";
  if (!filter.run.empty()) sql += " AND run = ?";
  if (!filter.line.empty()) sql += " AND run IN (" + std::string(kLine) + ")";
  return sql;
}

void bind_filter(Statement& statement, const VersionFilter& filter) {
  if (!filter.name.empty()) statement.bind(filter.name);
  if (!filter.run.empty()) statement.bind(filter.run);
  if (!filter.line.empty()) statement.bind(filter.line);
}

// "[1,2,3]", for json_each.
std::string json_of(std::span<const std::int64_t> ids) {
  std::string text = "[";
  for (const std::int64_t id : ids) text += (text.size() > 1 ? "," : "") + std::to_string(id);
  return text + "]";
}

VersionRecord read_version(const Statement& row, const std::filesystem::path& home) {
  VersionRecord version;
  version.name = row.text(1);
  version.number = row.integer(2);
  version.run = row.text(3);
  version.stage = row.text(4);
  version.step = row.integer(5);
  version.tokens = row.integer(6);
  version.created_at = row.text(7);
  version.bytes = row.integer(8);
  version.path = home / row.text(9);
  version.format = row.text(10);
  version.status = row.text(11);
  version.dataset = row.text(12);
  version.parent = row.text(13);
  return version;
}

constexpr std::string_view kSelectVersions =
    "SELECT v.id, name, version, run, stage, step, tokens, created_at, bytes, v.path, format, status, "
    "dataset, "
    "(SELECT min(parent) FROM lineage WHERE child = name || ':' || version) "
    "FROM json_each(?) AS wanted JOIN versions v ON v.id = wanted.value ORDER BY wanted.key";

// Rows that hang off the wanted versions.
std::string owned(const std::string& columns, const std::string& table) {
  return "SELECT owner, " + columns + " FROM " + table +
         " WHERE owner IN (SELECT value FROM json_each(?)) ORDER BY owner, 2";
}

}  // namespace

std::vector<std::string> Queries::column(Statement statement) const {
  std::vector<std::string> texts;
  while (statement.step()) texts.push_back(statement.text(0));
  return texts;
}

void sort_by_name(std::vector<VersionRecord>& versions) {
  std::ranges::sort(versions, {}, [](const VersionRecord& v) { return std::tie(v.name, v.number); });
}

std::vector<std::string> Queries::names() const {
  return column(database_.prepare("SELECT DISTINCT name FROM versions ORDER BY name"));
}

std::int64_t Queries::last_number(const std::string& name) const {
  Statement statement = database_.prepare("SELECT last_version FROM names WHERE name = ?");
  return statement.bind(name).step() ? statement.integer(0) : 0;
}

std::optional<Found> Queries::first(Statement& statement) const {
  if (!statement.step()) return std::nullopt;
  return Found{statement.integer(0), statement.text(1), statement.integer(2)};
}

std::optional<Found> Queries::newest(const std::string& name) const {
  Statement statement = database_.prepare(
      "SELECT id, name, version FROM versions WHERE name = ? ORDER BY version DESC LIMIT 1");
  return first(statement.bind(name));
}

std::optional<Found> Queries::numbered(const std::string& name, std::int64_t number) const {
  Statement statement =
      database_.prepare("SELECT id, name, version FROM versions WHERE name = ? AND version = ?");
  return first(statement.bind(name).bind(number));
}

std::optional<Found> Queries::aliased(const std::string& name, const std::string& alias) const {
  Statement statement = database_.prepare(
      "SELECT v.id, v.name, v.version FROM aliases a JOIN versions v ON v.id = a.owner "
      "WHERE a.name = ? AND a.alias = ?");
  return first(statement.bind(name).bind(alias));
}

Found Queries::resolve(const Reference& reference) const {
  std::optional<Found> found;
  if (reference.number != 0) {
    found = numbered(reference.name, reference.number);
  } else if (reference.alias == kLatest) {
    found = newest(reference.name);
  } else {
    found = aliased(reference.name, reference.alias);
  }
  if (!found) refuse(reference);
  return *std::move(found);
}

void Queries::refuse(const Reference& reference) const {
  const std::optional<Found> last = newest(reference.name);
  if (!last) {
    const std::vector<std::string> known = names();
    throw Error(ErrorCode::not_found,
                "no version is named '" + reference.name + "' in the registry of " + home_.string(),
                known.empty() ? "it is empty: make a version with `easylm run FILE`, or name another --home"
                              : hint_among(reference.name, known, "it has: "));
  }
  if (reference.number != 0) {
    const bool was_given = reference.number <= last_number(reference.name);
    Statement numbers =
        database_.prepare("SELECT version FROM versions WHERE name = ? ORDER BY version DESC");
    numbers.bind(reference.name);
    throw Error(ErrorCode::not_found,
                uri_of(reference.name, reference.number) +
                    (was_given ? " is no longer in the registry" : " is not in the registry"),
                "versions of '" + reference.name + "': " + listed(column(std::move(numbers))));
  }
  Statement aliases = database_.prepare("SELECT alias FROM aliases WHERE name = ? ORDER BY alias");
  aliases.bind(reference.name);
  std::vector<std::string> known = column(std::move(aliases));
  known.emplace_back(kLatest);
  throw Error(ErrorCode::not_found, "'" + reference.name + "' has no alias '" + reference.alias + "'",
              hint_among(reference.alias, known, "its aliases: "));
}

std::vector<VersionRecord> Queries::load(std::span<const std::int64_t> ids) const {
  const std::string wanted = json_of(ids);
  std::vector<VersionRecord> versions;
  std::unordered_map<std::int64_t, std::size_t> index_of;
  versions.reserve(ids.size());
  Statement rows = database_.prepare(kSelectVersions);
  rows.bind(wanted);
  while (rows.step()) {
    index_of.emplace(rows.integer(0), versions.size());
    versions.push_back(read_version(rows, home_));
  }
  const auto attach = [&](const std::string& sql, auto&& add) {
    Statement owned = database_.prepare(sql);
    owned.bind(wanted);
    while (owned.step()) {
      const auto owner = index_of.find(owned.integer(0));
      if (owner == index_of.end()) {  // an index that doesn't say what its table does
        throw Error(ErrorCode::corrupt,
                    "the registry " + database_.file() + " is damaged: a row has no version",
                    "restore it from a backup, or save what is left with sqlite3's .recover");
      }
      add(versions[owner->second], owned);
    }
  };
  attach(owned("alias", "aliases"),
         [](VersionRecord& v, const Statement& row) { v.aliases.push_back(row.text(1)); });
  attach(owned("key, value", "tags"),
         [](VersionRecord& v, const Statement& row) { v.tags.emplace_back(row.text(1), row.text(2)); });
  attach(owned("name, value", "metrics"),
         [](VersionRecord& v, const Statement& row) { v.metrics.emplace_back(row.text(1), row.real(2)); });
  return versions;
}

std::optional<VersionRecord> Queries::version(const std::string& name, std::int64_t number) const {
  const std::optional<Found> found = numbered(name, number);
  if (!found) return std::nullopt;
  return std::move(load({&found->id, 1}).front());
}

std::vector<VersionRecord> Queries::list(const VersionFilter& filter) const {
  // Ids grow with time, and so do the numbers under one name.
  const std::string newest = filter.name.empty() ? "id DESC" : "version DESC";
  const std::string order = filter.limit == 0 ? "name, version" : newest + " LIMIT ?";
  Statement rows = database_.prepare("SELECT id FROM versions" + where_of(filter) + " ORDER BY " + order);
  bind_filter(rows, filter);
  if (filter.limit != 0) rows.bind(filter.limit);
  std::vector<std::int64_t> ids;
  while (rows.step()) ids.push_back(rows.integer(0));
  std::vector<VersionRecord> versions = load(ids);
  sort_by_name(versions);
  return versions;
}

std::int64_t Queries::count(const VersionFilter& filter) const {
  Statement row = database_.prepare("SELECT count(*) FROM versions" + where_of(filter));
  bind_filter(row, filter);
  return row.step() ? row.integer(0) : 0;
}

std::vector<FileFacts> Queries::files(std::int64_t id) const {
  std::vector<FileFacts> files;
  Statement rows =
      database_.prepare("SELECT path, bytes, crc32c, sha256 FROM files WHERE owner = ? ORDER BY path");
  rows.bind(id);
  while (rows.step()) {
    files.push_back(
        {rows.text(0), rows.integer(1), static_cast<std::uint32_t>(rows.integer(2)), rows.text(3), {}});
  }
  return files;
}

void Queries::insert_version(const NewVersion& version, std::int64_t number) const {
  database_.prepare("UPDATE names SET last_version = ? WHERE name = ?").bind(number).bind(version.name).run();
  std::int64_t bytes = 0;
  for (const FileFacts& file : version.files) bytes += file.bytes;
  Statement row = database_.prepare(
      "INSERT INTO versions(name, version, stage, step, tokens, created_at, bytes, path, format, status, "
      "dataset, run) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, 'committed', ?, ?)");
  row.bind(version.name).bind(number).bind(version.stage).bind(version.step).bind(version.tokens);
  row.bind(utc_now()).bind(bytes).bind(version_folder(version.name, number).string()).bind(version.format);
  row.bind(version.dataset);
  if (version.run.empty()) {
    row.bind_null();
  } else {
    row.bind(version.run);
  }
  row.run();
  const std::int64_t id = database_.last_row_id();
  Statement file =
      database_.prepare("INSERT INTO files(owner, path, bytes, crc32c, sha256) VALUES(?, ?, ?, ?, ?)");
  for (const FileFacts& facts : version.files) {
    file.bind(id)
        .bind(facts.path)
        .bind(facts.bytes)
        .bind(std::int64_t{facts.crc32c})
        .bind(facts.sha256)
        .run();
  }
  insert_metrics(id, version.metrics);
  if (!version.parent.empty()) {
    database_.prepare("INSERT INTO lineage(child, parent) VALUES(?, ?)")
        .bind(uri_of(version.name, number))
        .bind(version.parent)
        .run();
  }
}

void Queries::insert_metrics(std::int64_t id, const NamedNumbers& metrics) const {
  Statement row = database_.prepare("INSERT OR REPLACE INTO metrics(owner, name, value) VALUES(?, ?, ?)");
  for (const auto& [name, value] : metrics) row.bind(id).bind(name).bind_real(value).run();
}

}  // namespace easylm
