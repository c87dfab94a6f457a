// The operating system as it is.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <string_view>

#include "platform/files.h"

namespace easylm {
namespace {

// Some file systems leave d_type unknown.
EntryKind kind_of(int folder, const dirent& entry) {
  if (entry.d_type == DT_REG) return EntryKind::file;
  if (entry.d_type == DT_DIR) return EntryKind::folder;
  struct stat facts {};
  if (entry.d_type != DT_UNKNOWN || ::fstatat(folder, entry.d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    return EntryKind::other;
  }
  if (S_ISREG(facts.st_mode)) return EntryKind::file;
  return S_ISDIR(facts.st_mode) ? EntryKind::folder : EntryKind::other;
}

}  // namespace

SystemCalls::SystemCalls() = default;
SystemCalls::~SystemCalls() = default;

int SystemCalls::open(const char* path, int flags, unsigned mode) { return ::open(path, flags, mode); }
ssize_t SystemCalls::read(int fd, void* into, std::size_t size) { return ::read(fd, into, size); }
ssize_t SystemCalls::write(int fd, const void* from, std::size_t size) { return ::write(fd, from, size); }
int SystemCalls::fsync(int fd) { return ::fsync(fd); }
int SystemCalls::close(int fd) { return ::close(fd); }
int SystemCalls::lock(int fd) { return ::flock(fd, LOCK_EX | LOCK_NB); }
int SystemCalls::share(int fd) { return ::flock(fd, LOCK_SH | LOCK_NB); }
int SystemCalls::mkdir(const char* path, unsigned mode) { return ::mkdir(path, mode); }
int SystemCalls::rename(const char* from, const char* to) { return ::rename(from, to); }
int SystemCalls::unlink(const char* path) { return ::unlink(path); }
int SystemCalls::rmdir(const char* path) { return ::rmdir(path); }

int SystemCalls::list(const char* path, std::vector<FolderEntry>& entries) {
  DIR* folder = ::opendir(path);
  if (folder == nullptr) return -1;
  entries.clear();
  errno = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") entries.push_back({entry->d_name, kind_of(::dirfd(folder), *entry)});
    errno = 0;
  }
  const int error = errno;
  ::closedir(folder);
  errno = error;
  return error == 0 ? 0 : -1;
}

std::int64_t SystemCalls::free_bytes(const char* path) {
  struct statvfs facts {};
  if (::statvfs(path, &facts) != 0) return -1;
  std::uint64_t bytes = 0;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (__builtin_mul_overflow(static_cast<std::uint64_t>(facts.f_bavail),
                             static_cast<std::uint64_t>(facts.f_frsize), &bytes)) {
    bytes = kMost;
  }
  return static_cast<std::int64_t>(std::min(bytes, kMost));
}

std::int64_t SystemCalls::type_of(const char* path) {
  struct statfs facts {};
  if (::statfs(path, &facts) != 0) return -1;
  return static_cast<std::int64_t>(facts.f_type) & 0xFFFFFFFFLL;
}

}  // namespace easylm
