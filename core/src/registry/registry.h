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

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

enum class RunStatus { running, finished, failed, interrupted };
EASYLM_API std::string_view name_of(RunStatus status);

struct NewRun {
  std::string name;
  std::string config;  // resolved, TOML
  std::uint64_t seed = 0;
  std::string device;
  NamedTexts plugins;  // name and version
};

struct FileFacts {
  std::string path;  // within the version's folder
  std::int64_t bytes = 0;
  std::uint32_t crc32c = 0;
  std::string sha256;
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
  std::string run_name, config;  // empty outside of a run
  NamedTexts plugins;
};

struct VersionFilter {
  std::string name;  // empty: any
  std::string run;   // empty: any
};

struct AliasMove {
  std::int64_t number = 0;
  std::string moved_at;
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

  void set_metrics(std::string_view reference, const NamedNumbers& metrics);
  void tag(std::string_view reference, const std::string& key, const std::string& value);
  // Moves `alias` of a name to one of its versions. "latest" moves by itself.
  void set_alias(const std::string& name, const std::string& alias, std::int64_t number);
  void untag(std::string_view reference, const std::string& key);
  // Removes the row; the files are the caller's. Throws Error{unsupported} while is_protected().
  void remove_version(std::string_view reference);

  // Those of `numbers` of a name that no row has. When it returns, no version will ever get them.
  std::vector<std::int64_t> retire_unregistered(const std::string& name,
                                                const std::vector<std::int64_t>& numbers);

  // --- Reading ---

  std::vector<std::string> names() const;                                   // that have versions, sorted
  std::vector<VersionRecord> list(const VersionFilter& filter = {}) const;  // by name and number
  VersionRecord resolve(std::string_view reference) const;
  VersionDetails details(std::string_view reference) const;
  std::vector<AliasMove> alias_history(const std::string& name, const std::string& alias) const;

 private:
  std::filesystem::path home_;
  std::unique_ptr<Database> database_;
};

}  // namespace easylm
