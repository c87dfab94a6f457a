// Who may go, and who goes.
#include "checkpoint/removal.h"

#include <algorithm>
#include <iterator>

#include "platform/process.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

// Of another machine nothing is known: its runs are taken to be alive.
bool is_alive(const UnfinishedRun& run) {
  return run.host != host_name() || lives_since(static_cast<pid_t>(run.process), run.started_at);
}

std::string reason_of_run(const std::string& id, const Registry& registry) {
  for (const UnfinishedRun& run : registry.unfinished_runs()) {
    if (run.id != id || !is_alive(run)) continue;
    return "the run that made it, " + id + ", still runs (process " + std::to_string(run.process) + " on " +
           run.host + ")";
  }
  return {};
}

std::string reason_of_reader(const fs::path& folder, FileSystem& files) {
  if (!files.exists(folder) || files.try_lock(folder).held()) return {};
  return "another process uses it, or its folder can't be locked";
}

void keep_last(const GarbageOptions& options, Registry& registry, FileSystem& files, GarbageReport& report) {
  std::vector<VersionRecord> versions = registry.list({options.keep_name, {}});
  std::ranges::reverse(versions);
  for (std::size_t i = static_cast<std::size_t>(options.keep_last); i < versions.size(); ++i) {
    const VersionRecord& version = versions[i];
    const std::string reason = reason_to_keep(version, registry, files);
    if (!reason.empty()) {
      report.kept.push_back(version.uri() + ": " + reason);
    } else if (options.mode == GarbageMode::look) {
      report.versions.push_back({version.uri(), version.bytes});
    } else {
      report.versions.push_back(remove_version(version.uri(), registry, files, options.warn));
    }
  }
}

void mark_dead_runs(const GarbageOptions& options, Registry& registry, GarbageReport& report) {
  for (const UnfinishedRun& run : registry.unfinished_runs()) {
    if (is_alive(run)) continue;
    if (options.mode == GarbageMode::remove) registry.finish_run(run.id, RunStatus::interrupted);
    report.runs.push_back(run.id);
  }
}

}  // namespace

std::string reason_to_keep(const VersionRecord& version, const Registry& registry, FileSystem& files) {
  if (!version.aliases.empty()) return "the alias '" + version.aliases.front() + "' points at it";
  if (is_protected(version)) return "it has the tag 'keep'";
  std::string reason = version.run.empty() ? "" : reason_of_run(version.run, registry);
  return reason.empty() ? reason_of_reader(version.path, files) : reason;
}

RemovedVersion remove_version(const std::string& uri, Registry& registry, FileSystem& files,
                              const std::function<void(const Error&)>& warn) {
  const VersionRecord version = registry.resolve(uri);
  const std::string reason = reason_to_keep(version, registry, files);
  if (!reason.empty()) {
    throw Error(ErrorCode::unsupported, version.uri() + " can't be removed: " + reason,
                is_protected(version) ? "move that alias or remove that tag first"
                                      : "wait until it is done, or end it");
  }
  const FolderLock lock = files.try_lock(version.path);
  if (!lock.held() && files.exists(version.path)) {
    throw Error(ErrorCode::unsupported,
                version.uri() + " can't be removed: a process has just begun to use it",
                "wait until it is done");
  }
  registry.remove_version(version.uri());  // refuses if it was protected just now
  try {
    files.remove_tree(version.path);
  } catch (const Error& error) {
    warn(error);
  }
  return {version.uri(), version.bytes};
}

GarbageReport collect_garbage(const GarbageOptions& options, Registry& registry, FileSystem& files) {
  GarbageReport report;
  mark_dead_runs(options, registry, report);
  if (!options.keep_name.empty()) keep_last(options, registry, files, report);
  for (const std::string& name : names_on_disk(registry, files)) {
    std::vector<Orphan> orphans = options.mode == GarbageMode::look
                                      ? find_orphans(name, registry, files)
                                      : sweep_orphans(name, registry, files, options.warn);
    std::ranges::move(orphans, std::back_inserter(report.orphans));
  }
  for (const VersionRecord& version : registry.list()) {
    if (!files.exists(version.path)) report.lost.push_back(version.uri());
  }
  return report;
}

}  // namespace easylm
