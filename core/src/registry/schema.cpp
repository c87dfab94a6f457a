// The registry's tables.
#include "registry/schema.h"

#include <array>
#include <string>

#include "easylm/error.h"
#include "registry/run_config.h"

namespace easylm {
namespace {

constexpr std::int64_t kApplicationId = 0x4561734C;  // "EasL"

// Times are UTC as text, "2026-11-24T19:26:17.123Z", so that they sort and read. Paths are relative to the
// home, which may be moved. `names` outlives its versions: that is what keeps a number from being given
// twice. `lineage` speaks in URIs and outlives both ends, so that ancestry survives retention.
constexpr std::string_view kFirst = R"sql(
CREATE TABLE runs(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  status TEXT NOT NULL CHECK(status IN ('running', 'finished', 'failed', 'interrupted')),
  started_at TEXT NOT NULL,
  finished_at TEXT,
  config TEXT NOT NULL,
  seed INTEGER NOT NULL,
  device TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_name ON runs(name, started_at);

CREATE TABLE run_plugins(
  run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  PRIMARY KEY(run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE names(
  name TEXT PRIMARY KEY,
  last_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE versions(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL REFERENCES names(name),
  version INTEGER NOT NULL,
  run TEXT REFERENCES runs(id),
  stage TEXT NOT NULL,
  step INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  path TEXT NOT NULL,
  format TEXT NOT NULL,
  status TEXT NOT NULL,
  dataset TEXT NOT NULL,
  UNIQUE(name, version)
) STRICT;
CREATE INDEX versions_by_run ON versions(run);

CREATE TABLE files(
  owner INTEGER NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
  path TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  crc32c INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY(owner, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE metrics(
  owner INTEGER NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value REAL,
  PRIMARY KEY(owner, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX metrics_by_value ON metrics(name, value);

CREATE TABLE tags(
  owner INTEGER NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(owner, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_by_value ON tags(key, value);

CREATE TABLE aliases(
  name TEXT NOT NULL,
  alias TEXT NOT NULL,
  owner INTEGER NOT NULL REFERENCES versions(id),
  moved_at TEXT NOT NULL,
  PRIMARY KEY(name, alias)
) STRICT, WITHOUT ROWID;
CREATE INDEX aliases_by_owner ON aliases(owner);

CREATE TABLE alias_history(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  moved_at TEXT NOT NULL
) STRICT;
CREATE INDEX alias_history_by_alias ON alias_history(name, alias, id);

CREATE TABLE lineage(
  child TEXT NOT NULL,
  parent TEXT NOT NULL,
  PRIMARY KEY(child, parent)
) STRICT, WITHOUT ROWID;
CREATE INDEX lineage_by_parent ON lineage(parent);
)sql";

// What questions are asked of: which run another continues, a run's configuration key by key, what it
// measured step by step, and what is still known of a version that was removed.
constexpr std::string_view kQuestions = R"sql(
ALTER TABLE runs ADD COLUMN continues TEXT REFERENCES runs(id);

CREATE TABLE run_config(
  run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY(run, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_config_by_value ON run_config(key, value);
INSERT OR IGNORE INTO run_config(run, key, value)
  SELECT runs.id, json_extract(pair.value, '$[0]'), json_extract(pair.value, '$[1]')
  FROM runs, json_each(config_rows_json(runs.config)) AS pair;

CREATE TABLE curves(
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  stage TEXT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE(run, stage, name)
) STRICT;

CREATE TABLE curve_points(
  curve INTEGER NOT NULL REFERENCES curves(id) ON DELETE CASCADE,
  step INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  value REAL,
  PRIMARY KEY(curve, step)
) STRICT, WITHOUT ROWID;

CREATE VIEW run_metrics(run, stage, step, tokens, name, value) AS
  SELECT run, stage, step, tokens, name, value FROM curves JOIN curve_points ON curve = id;

CREATE TABLE removed_versions(
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  run TEXT,
  stage TEXT NOT NULL,
  step INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  removed_at TEXT NOT NULL,
  PRIMARY KEY(name, version)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER remember_removed AFTER DELETE ON versions BEGIN
  INSERT OR REPLACE INTO removed_versions
    VALUES(old.name, old.version, old.run, old.stage, old.step, old.tokens, old.created_at,
           strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
END;

CREATE INDEX versions_by_step ON versions(step);
CREATE INDEX versions_by_creation ON versions(created_at);
)sql";

// "The versions of these runs from this step on" without a look at each version.
constexpr std::string_view kStepsOfRuns = R"sql(
DROP INDEX versions_by_run;
CREATE INDEX versions_by_run ON versions(run, step);
)sql";

constexpr std::array<std::string_view, 3> kMigrations = {kFirst, kQuestions, kStepsOfRuns};

}  // namespace

std::span<const std::string_view> migrations() { return kMigrations; }

bool needs_migration(Database& database, std::span<const std::string_view> steps) {
  // One statement sees one moment: another process may be making this registry.
  auto row = database.prepare(
      "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema) "
      "FROM pragma_user_version, pragma_application_id");
  row.step();
  const std::int64_t version = row.integer(0);
  const std::int64_t application = row.integer(1);
  const bool is_empty = row.integer(2) == 0;
  if (application != kApplicationId && !is_empty) {
    throw Error(ErrorCode::corrupt, database.file() + " is an SQLite database, but not an EasyLM registry",
                "move it away, or choose another --home");
  }
  if (version < 0) {
    throw Error(ErrorCode::corrupt,
                "the registry " + database.file() + " is damaged: its schema has no number",
                "restore it from a backup, or save what is left with sqlite3's .recover");
  }
  if (version > static_cast<std::int64_t>(steps.size())) {
    throw Error(ErrorCode::unsupported,
                "the registry " + database.file() + " was made by a newer EasyLM: its schema is " +
                    std::to_string(version) + ", this one knows up to " + std::to_string(steps.size()),
                "update EasyLM, or choose another --home");
  }
  return version < static_cast<std::int64_t>(steps.size());
}

void migrate(Database& database, std::span<const std::string_view> steps) {
  database.define("config_rows_json", config_rows_json);
  while (needs_migration(database, steps)) {
    Transaction transaction(database);
    if (!needs_migration(database, steps)) return;  // another process was quicker
    const auto done = static_cast<std::size_t>(database.number("PRAGMA user_version"));
    database.execute(std::string(steps[done]));
    database.execute("PRAGMA application_id = " + std::to_string(kApplicationId) +
                     "; PRAGMA user_version = " + std::to_string(done + 1));
    transaction.commit();
  }
}

}  // namespace easylm
