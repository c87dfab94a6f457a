// The registry's writing side.
#include "registry/registry.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <random>

#include "easylm/error.h"
#include "platform/clock.h"
#include "platform/files.h"
#include "platform/process.h"
#include "registry/curves.h"
#include "registry/database.h"
#include "registry/queries.h"
#include "registry/run_config.h"
#include "registry/schema.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

fs::path file_in(const fs::path& home) { return home / "registry.sqlite"; }

// Starts with the time, so that ids sort; the rest makes two runs of one second differ.
std::string new_run_id() {
  std::random_device random;
  std::array<char, 16> suffix{};
  std::snprintf(suffix.data(), suffix.size(), "-%08x", random());
  return utc_now_compact() + suffix.data();
}

void require_name(const std::string& text, std::string_view what) {
  if (is_name(text)) return;
  throw Error(ErrorCode::invalid_config,
              "'" + text + "' can't be " + std::string(what) +
                  ": use letters, digits, '.', '_' and '-', at most 100, the first not '.' or '-'",
              "choose another name");
}

// SQLite would call it a disk error.
void require_file(const fs::path& file) {
  std::error_code ignored;
  const fs::file_status status = fs::status(file, ignored);
  if (!fs::exists(status) || fs::is_regular_file(status)) return;
  throw Error(ErrorCode::io, "the registry " + file.string() + " is not a file",
              "move away what stands in its place, or choose another --home");
}

// SQLite takes a file of a few bytes for an empty one, and reads the end of a page that was cut as zeros.
// While there is a journal the file may be in between.
void require_whole(const fs::path& file) {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  std::error_code ignored;
  if (fs::exists(file.string() + "-wal", ignored) || fs::exists(file.string() + "-journal", ignored)) return;
  const std::uintmax_t size = fs::file_size(file, ignored);
  if (ignored || size == 0) return;
  std::array<char, 18> header{};
  std::ifstream in(file, std::ios::binary);
  if (!in.is_open()) return;
  if (!in.read(header.data(), header.size()) || !std::string_view(header.data(), 16).starts_with(kMagic)) {
    throw Error(ErrorCode::corrupt, "the registry " + file.string() + " is not an SQLite database",
                "restore it from a backup, or move it away to start an empty one");
  }
  const auto high = static_cast<unsigned char>(header[16]), low = static_cast<unsigned char>(header[17]);
  const std::uintmax_t page = high == 0 && low == 1 ? 65536U : high * 256U + low;
  if (page == 0 || size % page == 0) return;
  throw Error(ErrorCode::corrupt, "the registry " + file.string() + " is damaged: its end is missing",
              "restore it from a backup, or save what is left with sqlite3's .recover");
}

std::unique_ptr<Database> open_for_writing(const fs::path& home, FileSystem& files) {
  files.create_folders(home);
  require_file(file_in(home));
  require_whole(file_in(home));
  auto database = std::make_unique<Database>(file_in(home), DatabaseAccess::read_write);
  migrate(*database, migrations());
  database->set_journal_mode(files.is_network(home) ? "delete" : "wal");
  return database;
}

// Reading a write-ahead log needs files beside the database. In a folder that can't be written, a registry
// that was closed properly can still be read: without a log nothing is pending.
DatabaseAccess reading_access(const fs::path& home) {
  std::error_code ignored;
  const bool pending = fs::exists(file_in(home).string() + "-wal", ignored);
  const bool writable = ::access(home.c_str(), W_OK) == 0;
  return writable || pending ? DatabaseAccess::read_only : DatabaseAccess::frozen;
}

std::unique_ptr<Database> open_for_reading(const fs::path& home, FileSystem& files) {
  if (!files.exists(file_in(home))) {
    auto empty = std::make_unique<Database>();
    migrate(*empty, migrations());
    return empty;
  }
  require_file(file_in(home));
  require_whole(file_in(home));
  auto database = std::make_unique<Database>(file_in(home), reading_access(home));
  if (!needs_migration(*database, migrations())) return database;
  database = open_for_writing(home, files);
  return std::make_unique<Database>(file_in(home), reading_access(home));
}

void insert_config(Database& database, const std::string& run, const std::string& config) {
  Statement row = database.prepare("INSERT OR IGNORE INTO run_config(run, key, value) VALUES(?, ?, ?)");
  for (const auto& [key, value] : config_rows(config)) {
    row.bind(run).bind(key);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      row.bind(*integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
      row.bind_real(*real);
    } else {
      row.bind(std::get<std::string>(value));
    }
    row.run();
  }
}

FileSystem& real_files() {
  static FileSystem files;
  return files;
}

}  // namespace

std::string_view name_of(RunStatus status) {
  switch (status) {
    case RunStatus::running:
      return "running";
    case RunStatus::finished:
      return "finished";
    case RunStatus::failed:
      return "failed";
    case RunStatus::interrupted:
      return "interrupted";
  }
  return "unknown";
}

Registry::Registry(const fs::path& home, RegistryAccess access) : Registry(home, access, real_files()) {}

Registry::Registry(const fs::path& home, RegistryAccess access, FileSystem& files)
    : home_(fs::absolute(home).lexically_normal()),
      database_(access == RegistryAccess::write ? open_for_writing(home_, files)
                                                : open_for_reading(home_, files)),
      curves_(std::make_shared<CurveBuffer>()) {}

Registry::Registry(fs::path home, std::unique_ptr<Database> database, std::shared_ptr<CurveBuffer> curves)
    : home_(std::move(home)), database_(std::move(database)), curves_(std::move(curves)) {}

Registry::~Registry() = default;

std::unique_ptr<Registry> Registry::second(FileSystem& files) const {
  return std::unique_ptr<Registry>(new Registry(home_, open_for_writing(home_, files), curves_));
}

std::string Registry::journal_mode() const { return database_->text("PRAGMA journal_mode"); }

std::string Registry::begin_run(const NewRun& run) {
  require_name(run.name, "the name of a run");
  std::string id = new_run_id();
  Transaction transaction(*database_);
  database_
      ->prepare(
          "INSERT INTO runs(id, name, status, started_at, config, seed, device, host, pid, continues) "
          "VALUES(?, ?, 'running', ?, ?, ?, ?, ?, ?, nullif(?, ''))")
      .bind(id)
      .bind(run.name)
      .bind(utc_now())
      .bind(run.config)
      .bind(static_cast<std::int64_t>(run.seed))
      .bind(run.device)
      .bind(host_name())
      .bind(std::int64_t{::getpid()})
      .bind(run.continues)
      .run();
  Statement plugin = database_->prepare("INSERT INTO run_plugins(run, name, version) VALUES(?, ?, ?)");
  for (const auto& [name, version] : run.plugins) plugin.bind(id).bind(name).bind(version).run();
  insert_config(*database_, id, run.config);
  transaction.commit();
  return id;
}

void Registry::finish_run(const std::string& id, RunStatus status) {
  Transaction transaction(*database_);
  Statement update =
      database_->prepare("UPDATE runs SET status = ?, finished_at = ? WHERE id = ? RETURNING id");
  update.bind(name_of(status)).bind(utc_now()).bind(id);
  if (!update.step()) {
    throw Error(ErrorCode::not_found, "the registry knows no run '" + id + "'", "begin it first");
  }
  update.run();
  transaction.commit();
}

VersionRecord Registry::add_version(const NewVersion& version, const Placement& place) {
  require_name(version.name, "the name of a version");
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  database_->prepare("INSERT INTO names(name, last_version) VALUES(?, 0) ON CONFLICT DO NOTHING")
      .bind(version.name)
      .run();
  std::int64_t number = queries.last_number(version.name) + 1;
  while (place && !place(number)) ++number;
  queries.insert_version(version, number);
  CurveBatch curves(*curves_);
  curves.write(*database_);
  VersionRecord record = queries.version(version.name, number).value();
  transaction.commit();
  curves.committed();
  return record;
}

void Registry::record(const std::string& run, const MetricRecord& metrics) { curves_->add(run, metrics); }

void Registry::write_curves() {
  CurveBatch curves(*curves_);
  if (curves.empty()) return;
  Transaction transaction(*database_);
  curves.write(*database_);
  transaction.commit();
  curves.committed();
}

void Registry::set_metrics(std::string_view reference, const NamedNumbers& metrics) {
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  queries.insert_metrics(queries.resolve(parse_reference(reference)).id, metrics);
  transaction.commit();
}

void Registry::tag(std::string_view reference, const std::string& key, const std::string& value) {
  require_name(key, "the key of a tag");
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  database_->prepare("INSERT OR REPLACE INTO tags(owner, key, value) VALUES(?, ?, ?)")
      .bind(queries.resolve(parse_reference(reference)).id)
      .bind(key)
      .bind(value)
      .run();
  transaction.commit();
}

void Registry::untag(std::string_view reference, const std::string& key) {
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  database_->prepare("DELETE FROM tags WHERE owner = ? AND key = ?")
      .bind(queries.resolve(parse_reference(reference)).id)
      .bind(key)
      .run();
  transaction.commit();
}

void Registry::remove_version(std::string_view reference) {
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  const Found found = queries.resolve(parse_reference(reference));
  const VersionRecord version = queries.version(found.name, found.number).value();
  if (is_protected(version)) {
    const std::string why = version.aliases.empty()
                                ? "it has the tag 'keep'"
                                : "the alias '" + version.aliases.front() + "' points at it";
    throw Error(
        ErrorCode::unsupported, version.uri() + " can't be removed: " + why,
        version.aliases.empty() ? "remove that tag first" : "move that alias to another version first");
  }
  database_->prepare("DELETE FROM versions WHERE id = ?").bind(found.id).run();
  transaction.commit();
}

std::vector<std::int64_t> Registry::retire_unregistered(const std::string& name,
                                                        const std::vector<std::int64_t>& numbers) {
  std::vector<std::int64_t> unregistered;
  if (numbers.empty()) return unregistered;
  const Queries queries(*database_, home_);
  Transaction transaction(*database_);
  std::int64_t last = queries.last_number(name);
  for (const std::int64_t number : numbers) {
    if (queries.version(name, number)) continue;
    unregistered.push_back(number);
    last = std::max(last, number);
  }
  // A number beyond the last one given was placed before a COMMIT that failed. Once this write is durable,
  // what that COMMIT may have left in the journal can't come back.
  database_
      ->prepare(
          "INSERT INTO names(name, last_version) VALUES(?, ?) "
          "ON CONFLICT(name) DO UPDATE SET last_version = excluded.last_version")
      .bind(name)
      .bind(last)
      .run();
  transaction.commit();
  return unregistered;
}

}  // namespace easylm
