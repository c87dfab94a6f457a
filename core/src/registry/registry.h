// Every version that exists, and all that is known about it, in <home>/registry.sqlite.
//
// A version is true because its row is here; readers believe the registry and nothing else. Everything that
// belongs together changes in one transaction. Numbers of versions are never given twice.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/checkpoints.h"
#include "easylm/export.h"
#include "registry/reference.h"

namespace easylm {

class Database;
class FileSystem;
class CurveBuffer;
struct Lineage;
struct MetricRecord;
struct SqlTable;
struct VersionCurves;

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

enum class RunStatus { running, finished, failed, interrupted };
EASYLM_API std::string_view name_of(RunStatus status);

struct NewRun {
  std::string name;
  std::string config;  // resolved, TOML
  std::uint64_t seed = 0;
  std::string device;
  NamedTexts plugins;     // name and version
  std::string continues;  // id of the run that stopped and goes on in this one; empty: it begins anew
};

struct TensorFacts {
  std::string name;
  std::uint32_t crc32c = 0;  // of its bytes
};

struct FileFacts {
  std::string path;  // within the version's folder
  std::int64_t bytes = 0;
  std::uint32_t crc32c = 0;
  std::string sha256;
  std::vector<TensorFacts> tensors;  // if the version's format finds some in it; only the manifest keeps them
};

struct NewVersion {
  std::string name;
  std::string run;  // id; empty: made outside of a run
  std::string stage;
  std::string format;  // "safetensors"
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  std::string dataset;  // fingerprint
  std::string parent;   // URI; empty if none
  NamedNumbers metrics;
  std::vector<FileFacts> files;
};

struct VersionRecord {
  std::string name;
  std::int64_t number = 0;
  std::string run, stage, format, status, created_at, dataset;
  std::int64_t step = 0, tokens = 0, bytes = 0;
  std::filesystem::path path;  // absolute if the home is
  std::vector<std::string> aliases;
  NamedTexts tags;
  NamedNumbers metrics;
  std::string parent;  // URI; empty if none

  EASYLM_API std::string uri() const;
};

// Whether an alias points at it or it has the tag `keep`: then it can't be removed.
EASYLM_API bool is_protected(const VersionRecord& version);

struct VersionDetails {
  VersionRecord version;
  std::vector<FileFacts> files;
  std::string run_name, run_status, config;  // empty outside of a run
  NamedTexts plugins;
};

struct VersionFilter {
  std::string name;        // empty: any
  std::string run;         // empty: any
  std::string line;        // a run: it and those that it continues; empty: any
  std::int64_t limit = 0;  // only so many of the newest; 0: all
};

struct QueryResult {
  std::vector<VersionRecord> versions;
  std::int64_t num_found = 0;  // more than there are versions if the caller set a limit
  std::string note;            // why there may be nothing: a key that no version has; empty if there is none
};

struct AliasMove {
  std::int64_t number = 0;  // 0: it was taken away
  std::string moved_at;
};

// A run that nobody has finished yet.
struct UnfinishedRun {
  std::string id, name, host, started_at;
  std::int64_t process = 0;
};

enum class RegistryAccess { read, write };

// Used by one thread at a time; any number of processes may use the same registry. All methods throw Error.
class EASYLM_API Registry {
 public:
  // For writing: makes the home and the registry if they aren't there, and brings an older schema up to date.
  // For reading: creates nothing; a registry that doesn't exist is an empty one.
  Registry(const std::filesystem::path& home, RegistryAccess access);
  Registry(const std::filesystem::path& home, RegistryAccess access, FileSystem& files);
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Another connection for writing, for another thread. What record() keeps is shared: let one of the two
  // write at a time.
  std::unique_ptr<Registry> second(FileSystem& files) const;

  const std::filesystem::path& home() const { return home_; }
  // "wal", or "delete" on a network file system, where write-ahead logs don't work.
  std::string journal_mode() const;

  // --- Writing ---

  std::string begin_run(const NewRun& run);  // its id
  void finish_run(const std::string& id, RunStatus status);

  // Puts a version's files where its number says; false if something is in the way, then the next number is
  // tried. Called inside the transaction, so that no other process gets the same number.
  using Placement = std::function<bool(std::int64_t number)>;
  // One transaction: when it returns, the version exists. When `place` throws, or returned true and the rest
  // failed, no version exists; only a failed COMMIT may leave a row that a later recovery finds, so placed
  // files are left to be swept.
  VersionRecord add_version(const NewVersion& version, const Placement& place);

  // Keeps what a run measured at one step; it is written with the next version, or by write_curves(). Never
  // waits, never fails for lack of anything but memory. [any-thread]
  void record(const std::string& run, const MetricRecord& metrics);
  void write_curves();

  void set_metrics(std::string_view reference, const NamedNumbers& metrics);
  void tag(std::string_view reference, const std::string& key, const std::string& value);
  // Back to where it pointed before its last move; asked again, one move further back. The history grows.
  // Throws Error{not_found} if it never pointed elsewhere, or that version is gone. → where it points now
  AliasMove roll_back_alias(const std::string& name, const std::string& alias);
  void remove_alias(const std::string& name, const std::string& alias);  // its history stays
  // Moves `alias` of a name to one of its versions. "latest" moves by itself.
  void set_alias(const std::string& name, const std::string& alias, std::int64_t number);
  void untag(std::string_view reference, const std::string& key);  // no harm if it isn't there
  // Removes the row; the files are the caller's. Throws Error{unsupported} while is_protected().
  void remove_version(std::string_view reference);

  // Those of `numbers` of a name that no row has. When it returns, no version will ever get them.
  std::vector<std::int64_t> retire_unregistered(const std::string& name,
                                                const std::vector<std::int64_t>& numbers);

  // --- Reading ---

  std::vector<UnfinishedRun> unfinished_runs() const;                       // by the time of their start
  std::vector<std::string> names() const;                                   // that have versions, sorted
  std::vector<VersionRecord> list(const VersionFilter& filter = {}) const;  // by name and number
  VersionRecord resolve(std::string_view reference) const;
  VersionDetails details(std::string_view reference) const;
  std::int64_t count(const VersionFilter& filter = {}) const;
  // What query/parser.h reads; `most` of what was found, 0 for all. In the order that the query names, else
  // by name and number.
  QueryResult query(std::string_view text, std::int64_t most = 0) const;
  // Whether one version meets a condition of the same language, without `order by` and `limit`.
  bool matches(std::string_view condition, std::string_view reference) const;
  Lineage lineage(std::string_view reference) const;
  VersionCurves curves(std::string_view reference) const;
  // A SELECT of the user's; sql_console.h has the rules.
  SqlTable select(const std::string& sql, double timeout_s) const;
  // Oldest first. Throws Error{not_found} if there never was such an alias.
  std::vector<AliasMove> alias_history(const std::string& name, const std::string& alias) const;

 private:
  Registry(std::filesystem::path home, std::unique_ptr<Database> database,
           std::shared_ptr<CurveBuffer> curves);

  std::filesystem::path home_;
  std::unique_ptr<Database> database_;
  std::shared_ptr<CurveBuffer> curves_;
};

}  // namespace easylm
