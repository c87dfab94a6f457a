// Imports go through the store, so that their commit is that of a training run; exports through a temporary
// name.
#include "checkpoint/transfer.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "checkpoint/archive.h"
#include "checkpoint/manifest.h"
#include "checkpoint/measure.h"
#include "checkpoint/policy.h"
#include "checkpoint/sweep.h"
#include "easylm/error.h"
#include "registry/report.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPipelineBytes = std::size_t{1} << 20U;
constexpr std::int64_t kReserve = std::int64_t{16} << 20U;  // bytes for the registry and everyone else

// A folder that is gone when this is.
class ScratchFolder {
 public:
  ScratchFolder(fs::path path, FileSystem& files) : path_(std::move(path)), files_(files) {
    files_.create_folders(path_);
  }
  ~ScratchFolder() {
    try {
      files_.remove_tree(path_);
    } catch (const Error&) {  // what is left is told apart by its name, and gc sweeps it
    }
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  FileSystem& files_;
};

std::string own_mark() { return std::string(kTemporaryMark) + std::to_string(::getpid()); }

void copy_file(const fs::path& from, const fs::path& to, FileSystem& files) {
  files.create_folders(to.parent_path());
  std::error_code problem;
  fs::copy_file(from, to, problem);
  if (problem) {
    throw Error(ErrorCode::io,
                from.string() + " can't be copied to " + to.string() + ": " + problem.message(),
                "check the permissions of the one and the free space of the other");
  }
  fs::permissions(to, fs::perms(0644), problem);
}

// Paths of what an import takes, within `folder`.
std::vector<std::string> files_to_take(const fs::path& folder, FileSystem& files,
                                       const std::string& prefix = {}) {
  std::vector<std::string> paths;
  for (const FolderEntry& entry : files.list(folder / prefix)) {
    if (entry.name.starts_with('.')) continue;
    const std::string path = prefix + entry.name;
    if (path == kSumsPath) continue;  // of a tar that was unpacked: the manifest has them too
    if (entry.kind == EntryKind::folder) {
      std::ranges::move(files_to_take(folder, files, path + "/"), std::back_inserter(paths));
    } else if (std::error_code problem; fs::is_regular_file(folder / path, problem)) {
      paths.push_back(path);
    } else {
      throw Error(ErrorCode::unsupported, (folder / path).string() + " is neither a file nor a folder",
                  "a version holds only files: take it away, or copy the folder without it");
    }
  }
  return paths;
}

void require_space(const fs::path& folder, const std::vector<std::string>& paths, const fs::path& home,
                   FileSystem& files) {
  std::int64_t bytes = kReserve;
  for (const std::string& path : paths) {
    std::error_code problem;
    const std::uintmax_t size = fs::file_size(folder / path, problem);
    if (!problem) bytes += static_cast<std::int64_t>(size);
  }
  const std::int64_t free = files.free_bytes(home);
  if (free >= bytes) return;
  throw Error(ErrorCode::io,
              home.string() + " has " + bytes_text(free) + " free, and " + bytes_text(bytes) + " are needed",
              "free some space, or choose another --home");
}

// Compares a version's files with its manifest.
VersionManifest require_whole(const fs::path& folder, FileSystem& files) {
  VersionManifest manifest = open_manifest(files, folder);
  const std::vector<FileFacts> now = measure_folder(files, folder);
  for (const FileFacts& saved : manifest.files) {
    const auto same = std::ranges::find(now, saved.path, &FileFacts::path);
    if (same != now.end() && same->sha256 == saved.sha256) continue;
    throw Error(ErrorCode::corrupt, (folder / saved.path).string() + " is not what its manifest says",
                "the version is damaged: get it again");
  }
  return manifest;
}

// The pipeline in a version's folder, so that `easylm run` can go on from the import.
std::string recorded_pipeline(const fs::path& folder, FileSystem& files) {
  const fs::path file = folder / kPipelinePath;
  return files.exists(file) ? files.read_file(file, kMostPipelineBytes) : std::string();
}

SavedVersion import_folder(const fs::path& from, const std::string& name, Host& host, Registry& registry,
                           FileSystem& files) {
  const std::vector<std::string> paths = files_to_take(from, files);
  const bool is_version = files.exists(from / kManifestPath);
  const VersionManifest manifest = is_version ? require_whole(from, files) : VersionManifest();
  const FoundFormat known = find_format(host, from);
  known.format->open(from);  // refuses what it can't read before anything is copied
  require_space(from, paths, registry.home(), files);
  CheckpointStoreOptions options;
  options.name = name;
  options.stage = is_version ? manifest.stage : "import";
  options.format_name = known.name;
  options.format = known.format;
  options.made_with = manifest.made_with;
  // Not "finished": a pipeline that made this version may have more to do.
  options.run = registry.begin_run({name, recorded_pipeline(from, files), 0, "none", {}});
  const std::string run = options.run;
  try {
    CheckpointStore store(std::move(options), registry, files);
    SaveRequest request;
    request.step = manifest.step;
    request.tokens = manifest.tokens;
    request.dataset_fingerprint = manifest.dataset;
    SavedVersion saved = store.save(request, [&](const fs::path& temporary) {
      for (const std::string& path : paths) {
        if (path != kManifestPath) copy_file(from / path, temporary / path, files);
      }
    });
    registry.finish_run(run, RunStatus::interrupted);
    return saved;
  } catch (...) {
    registry.finish_run(run, RunStatus::failed);
    throw;
  }
}

void export_folder(const VersionDetails& version, const fs::path& to, FileSystem& files) {
  files.create_folder(to);
  for (const FileFacts& facts : version.files)
    copy_file(version.version.path / facts.path, to / facts.path, files);
  const std::vector<FileFacts> copied = measure_folder(files, to);
  for (const FileFacts& facts : version.files) {
    const auto same = std::ranges::find(copied, facts.path, &FileFacts::path);
    if (same == copied.end() || same->sha256 != facts.sha256) {
      throw Error(ErrorCode::corrupt, facts.path + " of " + version.version.uri() + " is not what was saved",
                  "easylm registry verify says more; export another version");
    }
    files.sync_file(to / facts.path);
  }
  for (const auto& entry : fs::recursive_directory_iterator(to)) {
    if (entry.is_directory()) files.sync_folder(entry.path());
  }
  files.sync_folder(to);
}

}  // namespace

SavedVersion import_version(const fs::path& from, const std::string& name, Host& host, Registry& registry,
                            FileSystem& files) {
  if (!is_name(name)) {
    throw Error(ErrorCode::invalid_config, "'" + name + "' can't name a version",
                "use letters, digits, '.', '_' and '-'");
  }
  if (fs::is_directory(from)) return import_folder(from, name, host, registry, files);
  if (!files.exists(from)) {
    throw Error(ErrorCode::not_found, "there is nothing at " + from.string(), "check the path");
  }
  if (!is_archive(from)) {
    throw Error(ErrorCode::unsupported, from.string() + " is neither a folder nor a .tar file",
                "import takes a Hugging Face directory, a version's folder, or what registry export made");
  }
  const ScratchFolder scratch(
      registry.home() / version_folder(name, 1).parent_path() / ("import" + own_mark()), files);
  const FolderLock lock = files.try_lock(scratch.path());
  unpack_archive(from, scratch.path(), files);
  return import_folder(scratch.path(), name, host, registry, files);
}

void export_version(const VersionDetails& version, const fs::path& to, FileSystem& files) {
  if (files.exists(to)) {
    throw Error(ErrorCode::io, to.string() + " is there already", "choose another name, or move it away");
  }
  const FolderLock in_use = files.try_share(version.version.path);
  const fs::path parent = to.has_parent_path() ? to.parent_path() : fs::path(".");
  const fs::path temporary = parent / ("." + to.filename().string() + own_mark());
  files.remove_tree(temporary);
  try {
    if (is_archive(to)) {
      write_archive(temporary, version.version.path, version.files);
      files.sync_file(temporary);
      check_archive(temporary, version.files);
    } else {
      export_folder(version, temporary, files);
    }
    files.rename(temporary, to);
    files.sync_folder(parent);
  } catch (...) {
    try {
      files.remove_tree(temporary);
    } catch (const Error&) {  // the first error says more
    }
    throw;
  }
}

}  // namespace easylm
