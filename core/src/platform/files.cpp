// The file layer on POSIX.
#include "platform/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "easylm/error.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{1} << 20U;  // bytes read or written by one call

std::string hint_for(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free some space, or choose another --home";
    case EACCES:
    case EPERM:
    case EROFS:
      return "check owner and permissions, or choose another --home";
    case EIO:
      return "the disk reports an error: check the system's log, and don't trust what was written last";
    case EMFILE:
    case ENFILE:
      return "raise the limit of open files (ulimit -n)";
    default:
      return "check that the path exists and can be used";
  }
}

[[noreturn]] void fail(const char* call, const fs::path& path, int error) {
  const ErrorCode code = error == ENOENT ? ErrorCode::not_found : ErrorCode::io;
  throw Error(code, path.string() + ": " + call + " failed: " + std::generic_category().message(error),
              hint_for(error));
}

// Repeats a call that a signal interrupted.
template <typename Call>
auto uninterrupted(Call&& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace

FolderLock::FolderLock(FolderLock&& other) noexcept : calls_(other.calls_), fd_(other.fd_) { other.fd_ = -1; }

FolderLock::~FolderLock() {
  if (fd_ >= 0) calls_->close(fd_);
}

// An open file that is closed on every way out.
class FileSystem::Descriptor {
 public:
  Descriptor(SystemCalls& calls, const fs::path& path, int flags, unsigned mode = 0)
      : calls_(calls), path_(path) {
    fd_ = uninterrupted([&] { return calls_.open(path.c_str(), flags | O_CLOEXEC, mode); });
    if (fd_ < 0) fail("open", path_, errno);
  }
  ~Descriptor() {
    if (fd_ >= 0) calls_.close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd() const { return fd_; }

  // Reports what the file system kept for close. Interrupted, Linux has closed the descriptor all the same.
  void close() {
    const int fd = fd_;
    fd_ = -1;
    if (calls_.close(fd) != 0 && errno != EINTR) fail("close", path_, errno);
  }

  void sync() {
    if (calls_.fsync(fd_) != 0) fail("fsync", path_, errno);
  }

  // Some file systems have nothing to sync in a folder, and say so.
  void sync_folder() {
    if (calls_.fsync(fd_) != 0 && errno != EINVAL && errno != ENOTSUP) fail("fsync", path_, errno);
  }

  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n =
          uninterrupted([&] { return calls_.write(fd_, bytes.data(), std::min(bytes.size(), kPiece)); });
      if (n < 0) fail("write", path_, errno);
      if (n == 0) fail("write", path_, EIO);  // no progress and no reason: never loop on it
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  // Bytes read; 0 at the end.
  std::size_t read(std::byte* into, std::size_t size) {
    const ssize_t n = uninterrupted([&] { return calls_.read(fd_, into, size); });
    if (n < 0) fail("read", path_, errno);
    return static_cast<std::size_t>(n);
  }

 private:
  SystemCalls& calls_;
  fs::path path_;
  int fd_ = -1;
};

namespace {

SystemCalls& real_calls() {
  static SystemCalls calls;
  return calls;
}

}  // namespace

FileSystem::FileSystem() : calls_(real_calls()) {}
FileSystem::FileSystem(SystemCalls& calls) : calls_(calls) {}

bool FileSystem::exists(const fs::path& path) const {
  struct stat facts {};
  return ::lstat(path.c_str(), &facts) == 0;
}

std::vector<FolderEntry> FileSystem::list(const fs::path& folder) {
  std::vector<FolderEntry> entries;
  if (uninterrupted([&] { return calls_.list(folder.c_str(), entries); }) != 0)
    fail("readdir", folder, errno);
  std::sort(entries.begin(), entries.end(),
            [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; });
  return entries;
}

void FileSystem::create_folder(const fs::path& folder) {
  if (uninterrupted([&] { return calls_.mkdir(folder.c_str(), 0755); }) != 0) fail("mkdir", folder, errno);
}

void FileSystem::create_folders(const fs::path& folder) {
  if (folder.empty() || fs::is_directory(folder)) return;
  const fs::path parent = folder.parent_path();
  create_folders(parent);
  if (uninterrupted([&] { return calls_.mkdir(folder.c_str(), 0755); }) == 0) {
    sync_folder(parent.empty() ? fs::path(".") : parent);
    return;
  }
  const int error = errno;
  if (error != EEXIST || !fs::is_directory(folder)) fail("mkdir", folder, error);
}

void FileSystem::write_new_file(const fs::path& file, std::string_view bytes) {
  Descriptor out(calls_, file, O_WRONLY | O_CREAT | O_EXCL, 0644);
  out.write_all(bytes);
  out.close();
}

std::string FileSystem::read_file(const fs::path& file, std::size_t limit) {
  std::string bytes;
  read_pieces(file, [&](std::span<const std::byte> piece) {
    if (piece.size() > limit - bytes.size()) {
      throw Error(ErrorCode::corrupt, file.string() + " is larger than " + std::to_string(limit) + " bytes",
                  "that is not what belongs there");
    }
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  });
  return bytes;
}

void FileSystem::read_pieces(const fs::path& file,
                             const std::function<void(std::span<const std::byte>)>& take) {
  Descriptor in(calls_, file, O_RDONLY);
  std::vector<std::byte> piece(kPiece);
  while (const std::size_t n = in.read(piece.data(), piece.size())) take({piece.data(), n});
}

void FileSystem::sync_file(const fs::path& file) {
  Descriptor opened(calls_, file, O_RDONLY);
  opened.sync();
  opened.close();
}

void FileSystem::sync_folder(const fs::path& folder) {
  Descriptor opened(calls_, folder, O_RDONLY | O_DIRECTORY);
  opened.sync_folder();
  opened.close();
}

void FileSystem::rename(const fs::path& from, const fs::path& to) {
  if (uninterrupted([&] { return calls_.rename(from.c_str(), to.c_str()); }) != 0)
    fail("rename", from, errno);
}

void FileSystem::remove_tree(const fs::path& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) return;
  if (!S_ISDIR(facts.st_mode)) {
    if (uninterrupted([&] { return calls_.unlink(path.c_str()); }) != 0 && errno != ENOENT) {
      fail("unlink", path, errno);
    }
    return;
  }
  for (const FolderEntry& entry : list(path)) remove_tree(path / entry.name);
  if (uninterrupted([&] { return calls_.rmdir(path.c_str()); }) != 0 && errno != ENOENT) {
    fail("rmdir", path, errno);
  }
}

FolderLock FileSystem::lock_with(const fs::path& folder, int (SystemCalls::*lock)(int)) {
  const int fd =
      uninterrupted([&] { return calls_.open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0); });
  if (fd < 0) return {calls_, -1};
  if (uninterrupted([&] { return (calls_.*lock)(fd); }) == 0) return {calls_, fd};
  calls_.close(fd);
  return {calls_, -1};
}

FolderLock FileSystem::try_lock(const fs::path& folder) { return lock_with(folder, &SystemCalls::lock); }
FolderLock FileSystem::try_share(const fs::path& folder) { return lock_with(folder, &SystemCalls::share); }

std::int64_t FileSystem::free_bytes(const fs::path& path) {
  const std::int64_t bytes = uninterrupted([&] { return calls_.free_bytes(path.c_str()); });
  if (bytes < 0) fail("statvfs", path, errno);
  return bytes;
}

bool FileSystem::is_network(const fs::path& path) {
  // FUSE may be local, but nothing says so: count it in, the safe way costs little.
  constexpr std::array<std::int64_t, 15> kNetworkTypes = {
      0x6969 /* NFS */,        0x517B /* SMB */,        0xFF534D42 /* CIFS */,
      0xFE534D42 /* SMB2 */,   0x01021997 /* 9P */,     0x65735546 /* FUSE */,
      0x00C36400 /* Ceph */,   0x0BD00BD0 /* Lustre */, 0x47504653 /* GPFS */,
      0x01161970 /* GFS2 */,   0x7461636F /* OCFS2 */,  0x5346414F /* AFS */,
      0x19830326 /* BeeGFS */, 0x73757245 /* Coda */,   0x786F4256 /* VirtualBox */};
  const std::int64_t type = uninterrupted([&] { return calls_.type_of(path.c_str()); });
  if (type < 0) fail("statfs", path, errno);
  return std::find(kNetworkTypes.begin(), kNetworkTypes.end(), type & 0xFFFFFFFFLL) != kNetworkTypes.end();
}

}  // namespace easylm
