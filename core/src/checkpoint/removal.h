// Removes versions: the row first, then the files; never one that somebody needs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/sweep.h"
#include "easylm/error.h"
#include "easylm/export.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {

// Why a version can't be removed now: an alias or the tag `keep`, the run that made it still runs, a process
// reads it. Empty: it can be.
EASYLM_API std::string reason_to_keep(const VersionRecord& version, const Registry& registry,
                                      FileSystem& files);

struct RemovedVersion {
  std::string uri;
  std::int64_t bytes = 0;
};

// Throws Error{unsupported} that gives the reason to keep it. When the row is gone and the files can't be
// removed, that is told to `warn`: gc will.
EASYLM_API RemovedVersion remove_version(const std::string& uri, Registry& registry, FileSystem& files,
                                         const std::function<void(const Error&)>& warn);

enum class GarbageMode { look, remove };

struct GarbageOptions {
  GarbageMode mode = GarbageMode::remove;
  std::string keep_name;       // of which only the newest versions stay; empty: rows are left alone
  std::int64_t keep_last = 0;  // how many of them
  std::function<void(const Error&)> warn = [](const Error&) {};
};

struct GarbageReport {
  std::vector<Orphan> orphans;           // removed, or that would be
  std::vector<RemovedVersion> versions;  // the same
  std::vector<std::string> kept;         // "shakespeare:3: the alias 'best' points at it"
  std::vector<std::string> runs;         // of dead processes: marked as interrupted, or that would be
  std::vector<std::string> lost;         // URIs of rows whose folder is gone: left alone

  EASYLM_API std::int64_t bytes() const;
};

// Sweeps every name, marks runs of dead processes of this machine, removes old versions if asked to.
EASYLM_API GarbageReport collect_garbage(const GarbageOptions& options, Registry& registry,
                                         FileSystem& files);

EASYLM_API std::string garbage_text(const GarbageReport& report, GarbageMode mode);
// {"dry_run","bytes","orphans":[{"path","bytes","why"}],"versions":[{"uri","bytes"}],"kept":[],"runs":[],
//  "lost":[]}
EASYLM_API std::string garbage_json(const GarbageReport& report, GarbageMode mode);

}  // namespace easylm
