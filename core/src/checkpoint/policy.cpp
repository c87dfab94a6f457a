// Saves versions: temporary folder, manifest, fsync, rename, one transaction. The order is what makes it
// safe.
#include "checkpoint/policy.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <exception>
#include <utility>

#include "platform/clock.h"
#include "registry/report.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".tmp-";  // step-100.tmp-4711: being written by process 4711

// The process in a temporary folder's name; 0 if `name` is none.
pid_t process_of(std::string_view name) {
  const std::size_t mark = name.rfind(kTemporary);
  if (mark == std::string_view::npos) return 0;
  const std::string_view digits = name.substr(mark + kTemporary.size());
  pid_t process = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, problem] = std::from_chars(digits.data(), end, process);
  return problem == std::errc() && stopped == end && process > 0 ? process : 0;
}

bool is_alive(pid_t process) { return ::kill(process, 0) == 0 || errno != ESRCH; }

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
  quietly([&] { sweep(); });
  for (const VersionRecord& version : registry_.list({{}, options_.run})) last_bytes_ = version.bytes;
}

CheckpointStore::~CheckpointStore() = default;

fs::path CheckpointStore::folder() const { return registry_.home() / "checkpoints" / options_.name; }

bool CheckpointStore::due(std::int64_t step) const {
  return options_.policy.every_steps > 0 && step > 0 && step % options_.policy.every_steps == 0;
}

std::shared_ptr<CheckpointFormat> CheckpointStore::format() { return options_.format; }

void CheckpointStore::measure(const std::string& uri, const NamedNumbers& metrics) {
  registry_.set_metrics(uri, metrics);
}

SavedVersion CheckpointStore::save(const SaveRequest& request,
                                   const std::function<void(const fs::path&)>& fill) {
  files_.create_folders(folder());
  require_space();
  const fs::path temporary = make_temporary(request.step);
  const FolderLock lock = files_.try_lock(temporary);
  try {
    fill(temporary);
    write_pipeline(temporary);
    const VersionRecord version = commit(request, temporary);
    last_bytes_ = version.bytes;
    quietly([&] { apply_retention(version.number); });
    return {version.uri(), version.path};
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
    fs::path path = folder() / ("step-" + std::to_string(step) + again + std::string(kTemporary) +
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

VersionRecord CheckpointStore::commit(const SaveRequest& request, const fs::path& temporary) {
  std::vector<FileFacts> facts = measure_folder(files_, temporary);
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
  version.parent = request.parent;
  version.metrics = request.metrics;
  version.files = std::move(facts);
  return registry_.add_version(version, [&](std::int64_t number) {
    const fs::path place = registry_.home() / version_folder(options_.name, number);
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

void CheckpointStore::sweep() {
  if (!files_.exists(folder())) return;
  std::vector<std::int64_t> numbers;
  for (const FolderEntry& entry : files_.list(folder())) {
    if (entry.kind != EntryKind::folder) continue;
    if (process_of(entry.name) != 0) quietly([&] { sweep_temporary(entry); });
    const std::int64_t number = number_of_folder(entry.name);
    if (number != 0) numbers.push_back(number);
  }
  // A folder without a row: its commit never happened, or its row is gone and its removal was cut short.
  for (const std::int64_t number : registry_.retire_unregistered(options_.name, numbers)) {
    quietly([&] { files_.remove_tree(registry_.home() / version_folder(options_.name, number)); });
  }
}

// A dead process holds no lock; a number may have been given to another process since, and in a container
// ours may be that of the process before.
void CheckpointStore::sweep_temporary(const FolderEntry& entry) {
  const pid_t process = process_of(entry.name);
  if (process != ::getpid() && is_alive(process)) return;
  const fs::path path = folder() / entry.name;
  if (files_.try_lock(path).held()) files_.remove_tree(path);
}

void CheckpointStore::apply_retention(std::int64_t newest) {
  if (options_.policy.keep_last <= 0) return;
  std::vector<VersionRecord> versions = registry_.list({options_.name, options_.run});
  std::reverse(versions.begin(), versions.end());
  std::int64_t kept = 0;
  for (const VersionRecord& version : versions) {
    if (++kept <= options_.policy.keep_last || version.number >= newest || is_protected(version)) continue;
    quietly([&] {
      registry_.remove_version(version.uri());  // refuses if it was protected just now
      files_.remove_tree(version.path);
    });
  }
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
