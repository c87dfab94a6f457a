// Saves versions: temporary folder, manifest, fsync, rename, one transaction. The order is what makes it
// safe.
#include "checkpoint/policy.h"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "checkpoint/measure.h"
#include "checkpoint/sweep.h"
#include "platform/clock.h"
#include "registry/report.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBest = "best";  // the alias that follows the best version

// Every file, then every folder from the inside out: a folder's entry is only worth something once what it
// points to is on disk.
void sync_tree(FileSystem& files, const fs::path& folder) {
  for (const FolderEntry& entry : files.list(folder)) {
    if (entry.kind == EntryKind::folder) {
      sync_tree(files, folder / entry.name);
    } else {
      files.sync_file(folder / entry.name);
    }
  }
  files.sync_folder(folder);
}

}  // namespace

CheckpointStore::CheckpointStore(CheckpointStoreOptions options, Registry& registry, FileSystem& files)
    : options_(std::move(options)), registry_(registry), files_(files) {
  EASYLM_CHECK(!options_.run.empty() && options_.format != nullptr, "a store needs a run and a format");
  if (!is_name(options_.name)) {
    throw Error(ErrorCode::invalid_config, "'" + options_.name + "' can't name checkpoints",
                "use letters, digits, '.', '_' and '-'");
  }
  if (options_.resume) saved_ = *options_.resume;
  quietly([&] { sweep(); });
  for (const VersionRecord& version : registry_.list({{}, options_.run})) last_bytes_ = version.bytes;
}

CheckpointStore::~CheckpointStore() {
  quietly([&] { background_.wait(); });
}

fs::path CheckpointStore::folder() const { return registry_.home() / "checkpoints" / options_.name; }

bool CheckpointStore::due(std::int64_t step) {
  background_.check();
  return periodic() && step > 0 && step % options_.policy.every_steps == 0;
}

std::shared_ptr<CheckpointFormat> CheckpointStore::format() { return options_.format; }

void CheckpointStore::measure(const std::string& uri, const NamedNumbers& metrics) {
  registry_.set_metrics(uri, metrics);
}

bool CheckpointStore::meets(const std::string& uri, const std::string& condition) {
  return registry_.matches(condition, uri);
}

void CheckpointStore::set_alias(const std::string& uri, const std::string& alias) {
  const Reference version = parse_reference(uri);
  registry_.set_alias(version.name, alias, version.number);
}

SavedVersion CheckpointStore::save(const SaveRequest& request, const FillVersion& fill) {
  background_.wait();
  perform(registry_, request, fill);
  return saved_;
}

// A thread needs a connection of its own.
void CheckpointStore::save_later(const SaveRequest& request, FillVersion fill) {
  background_.start(
      [this, request, fill = std::move(fill)] { perform(*registry_.second(files_), request, fill); });
}

SavedVersion CheckpointStore::saved() {
  background_.wait();
  return saved_;
}

void CheckpointStore::perform(Registry& registry, const SaveRequest& request, const FillVersion& fill) {
  files_.create_folders(folder());
  require_space();
  const fs::path temporary = make_temporary(request.step);
  const FolderLock lock = files_.try_lock(temporary);
  try {
    fill(temporary);
    write_pipeline(temporary);
    const VersionRecord version = commit(registry, request, temporary);
    last_bytes_ = version.bytes;
    saved_ = {version.uri(), version.path};
    quietly([&] { options_.tell(version); });
    quietly([&] { apply_retention(registry); });
  } catch (...) {
    quietly([&] { files_.remove_tree(temporary); });
    quietly([&] { sweep(); });  // in case it was renamed already
    throw;
  }
}

void CheckpointStore::write_pipeline(const fs::path& temporary) {
  if (options_.pipeline.empty()) return;
  const fs::path file = temporary / kPipelinePath;
  files_.create_folders(file.parent_path());
  files_.write_new_file(file, options_.pipeline);
}

// An earlier process of our number may have left a folder of that name: it is removed if nobody holds its
// lock, and otherwise stays, since it may be in use, or locks don't work here.
fs::path CheckpointStore::make_temporary(std::int64_t step) {
  for (int attempt = 1;; ++attempt) {
    const std::string again = attempt > 1 ? "." + std::to_string(attempt) : "";
    fs::path path = folder() / ("step-" + std::to_string(step) + again + std::string(kTemporaryMark) +
                                std::to_string(::getpid()));
    if (files_.exists(path)) {
      if (!files_.try_lock(path).held()) continue;
      files_.remove_tree(path);
    }
    files_.create_folder(path);
    return path;
  }
}

VersionManifest CheckpointStore::describe(const SaveRequest& request, std::vector<FileFacts> files) const {
  VersionManifest manifest;
  manifest.name = options_.name;
  manifest.run = options_.run;
  manifest.stage = options_.stage;
  manifest.created_at = utc_now();
  manifest.dataset = request.dataset_fingerprint;
  manifest.step = request.step;
  manifest.tokens = request.tokens;
  manifest.made_with = options_.made_with;
  manifest.files = std::move(files);
  return manifest;
}

VersionRecord CheckpointStore::commit(Registry& registry, const SaveRequest& request,
                                      const fs::path& temporary) {
  std::vector<FileFacts> facts = measure_version(files_, *options_.format, temporary);
  facts.push_back(write_manifest(files_, temporary, describe(request, facts)));
  sync_tree(files_, temporary);
  NewVersion version;
  version.name = options_.name;
  version.run = options_.run;
  version.stage = options_.stage;
  version.format = options_.format_name;
  version.step = request.step;
  version.tokens = request.tokens;
  version.dataset = request.dataset_fingerprint;
  version.parent = saved_.uri.empty() ? request.parent : saved_.uri;
  version.metrics = request.metrics;
  version.files = std::move(facts);
  return registry.add_version(version, [&](std::int64_t number) {
    const fs::path place = registry.home() / version_folder(options_.name, number);
    if (files_.exists(place)) return false;  // an orphan; its number is lost
    files_.rename(temporary, place);
    files_.sync_folder(place.parent_path());
    return true;
  });
}

void CheckpointStore::require_space() const {
  constexpr std::int64_t kReserve = std::int64_t{16} << 20U;  // bytes for the registry and everyone else
  if (last_bytes_ == 0) return;
  const std::int64_t free = files_.free_bytes(folder());
  if (free >= last_bytes_ + kReserve) return;
  throw Error(ErrorCode::io,
              folder().string() + " has " + bytes_text(free) + " free, and a version takes about " +
                  bytes_text(last_bytes_),
              "free some space, or keep fewer versions (keep_last in [checkpoint])");
}

void CheckpointStore::sweep() { sweep_orphans(options_.name, registry_, files_, options_.warn); }

// The alias moves first: it protects the best version from being removed, and no longer the one before.
void CheckpointStore::apply_retention(Registry& registry) {
  const RetentionPolicy& policy = options_.policy.retention;
  const VersionFilter ours = {.name = options_.name, .run = {}, .line = options_.run};
  if (policy.keep_best > 0) {
    const std::vector<VersionRecord> best = by_quality(registry.list(ours), policy);
    if (!best.empty() && std::ranges::find(best.front().aliases, kBest) == best.front().aliases.end()) {
      registry.set_alias(options_.name, std::string(kBest), best.front().number);
    }
  }
  for (const VersionRecord& version : removable(registry.list(ours), policy)) {
    quietly([&] { remove(registry, version); });
  }
}

// The row goes first: what it promises must be there. It refuses if the version was protected just now. One
// that somebody reads stays until the next save.
void CheckpointStore::remove(Registry& registry, const VersionRecord& version) {
  const FolderLock lock = files_.try_lock(version.path);
  if (!lock.held() && files_.exists(version.path)) return;
  registry.remove_version(version.uri());
  files_.remove_tree(version.path);
}

void CheckpointStore::quietly(const std::function<void()>& action) const {
  try {
    action();
  } catch (const Error& error) {
    options_.warn(error);
  } catch (const std::exception& error) {
    options_.warn({ErrorCode::internal, error.what(), {}});
  }
}

}  // namespace easylm
