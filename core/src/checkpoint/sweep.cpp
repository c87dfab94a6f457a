// Tells the living from the dead by process number and lock, and the registered from the rest by row.
#include "checkpoint/sweep.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <vector>

#include "registry/reference.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

// The process in a temporary folder's name; 0 if `name` is none.
pid_t process_of(std::string_view name) {
  const std::size_t mark = name.rfind(kTemporaryMark);
  if (mark == std::string_view::npos) return 0;
  const std::string_view digits = name.substr(mark + kTemporaryMark.size());
  pid_t process = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, problem] = std::from_chars(digits.data(), end, process);
  return problem == std::errc() && stopped == end && process > 0 ? process : 0;
}

bool is_alive(pid_t process) { return ::kill(process, 0) == 0 || errno != ESRCH; }

template <typename Action>
void quietly(const std::function<void(const Error&)>& warn, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    warn(error);
  }
}

// A dead process holds no lock; a number may have been given to another process since, and in a container
// ours may be that of the process before.
bool is_abandoned(const fs::path& path, FileSystem& files) {
  const pid_t process = process_of(path.filename().native());
  if (process != ::getpid() && is_alive(process)) return false;
  return files.try_lock(path).held();
}

struct Candidates {
  std::vector<fs::path> temporary;
  std::vector<std::int64_t> numbers;  // of folders named like a version's
};

Candidates look_around(const fs::path& folder, FileSystem& files) {
  Candidates found;
  if (!files.exists(folder)) return found;
  for (const FolderEntry& entry : files.list(folder)) {
    if (entry.kind != EntryKind::folder) continue;
    if (process_of(entry.name) != 0) found.temporary.push_back(folder / entry.name);
    const std::int64_t number = number_of_folder(entry.name);
    if (number != 0) found.numbers.push_back(number);
  }
  return found;
}

fs::path folder_of(const std::string& name, const Registry& registry) {
  return registry.home() / version_folder(name, 1).parent_path();
}

constexpr const char* kCutShort = "a save that was cut short";
constexpr const char* kNoRow = "a version's folder that the registry doesn't know";

}  // namespace

std::vector<Orphan> find_orphans(const std::string& name, const Registry& registry, FileSystem& files) {
  std::vector<Orphan> orphans;
  const Candidates found = look_around(folder_of(name, registry), files);
  for (const fs::path& path : found.temporary) {
    if (is_abandoned(path, files)) orphans.push_back({path, bytes_in(path), kCutShort});
  }
  std::vector<std::int64_t> registered;
  const std::vector<std::string> names = registry.names();
  if (std::ranges::find(names, name) != names.end()) {
    for (const VersionRecord& version : registry.list({name, {}})) registered.push_back(version.number);
  }
  for (const std::int64_t number : found.numbers) {
    if (std::ranges::find(registered, number) != registered.end()) continue;
    const fs::path path = registry.home() / version_folder(name, number);
    // Who is about to commit holds the lock that it took under the temporary name.
    if (files.try_lock(path).held()) orphans.push_back({path, bytes_in(path), kNoRow});
  }
  return orphans;
}

std::vector<Orphan> sweep_orphans(const std::string& name, Registry& registry, FileSystem& files,
                                  const std::function<void(const Error&)>& warn) {
  std::vector<Orphan> swept;
  const Candidates found = look_around(folder_of(name, registry), files);
  const auto remove = [&](const fs::path& path, const char* why) {
    const std::int64_t bytes = bytes_in(path);
    files.remove_tree(path);
    swept.push_back({path, bytes, why});
  };
  for (const fs::path& path : found.temporary) {
    quietly(warn, [&] {
      if (is_abandoned(path, files)) remove(path, kCutShort);
    });
  }
  // A folder without a row: its commit never happened, or its row is gone and its removal was cut short.
  for (const std::int64_t number : registry.retire_unregistered(name, found.numbers)) {
    quietly(warn, [&] { remove(registry.home() / version_folder(name, number), kNoRow); });
  }
  return swept;
}

std::vector<std::string> names_on_disk(const Registry& registry, FileSystem& files) {
  std::vector<std::string> names = registry.names();
  const fs::path folder = registry.home() / "checkpoints";
  if (files.exists(folder)) {
    for (const FolderEntry& entry : files.list(folder)) {
      if (entry.kind == EntryKind::folder && is_name(entry.name)) names.push_back(entry.name);
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::int64_t bytes_in(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code problem;
  auto entry = fs::recursive_directory_iterator(folder, problem);
  for (; !problem && entry != fs::recursive_directory_iterator(); entry.increment(problem)) {
    std::error_code unseen;
    const std::uintmax_t size = entry->is_regular_file(unseen) ? entry->file_size(unseen) : 0;
    if (!unseen) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

}  // namespace easylm
