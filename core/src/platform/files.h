// The file layer: every call that makes a checkpoint durable, in one place that tests can make fail.
//
// Two levels. SystemCalls is the operating system as it is, one virtual function a call, so that a test can
// answer EIO, ENOSPC, EINTR or a short write. FileSystem is what the host uses: it repeats what was
// interrupted, finishes short writes, and turns everything else into Error{io} that names path, call and
// reason.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

enum class EntryKind { file, folder, other };  // other: links, sockets, devices

struct FolderEntry {
  std::string name;
  EntryKind kind = EntryKind::other;
};

// The calls of the operating system: -1 and errno on failure, like the functions of the same name.
class EASYLM_API SystemCalls {
 public:
  SystemCalls();
  virtual ~SystemCalls();
  SystemCalls(const SystemCalls&) = delete;
  SystemCalls& operator=(const SystemCalls&) = delete;

  virtual int open(const char* path, int flags, unsigned mode);
  virtual ssize_t read(int fd, void* into, std::size_t size);
  virtual ssize_t write(int fd, const void* from, std::size_t size);
  virtual int fsync(int fd);
  virtual int close(int fd);
  virtual int lock(int fd);   // flock, exclusive, without waiting
  virtual int share(int fd);  // the same, shared
  virtual int mkdir(const char* path, unsigned mode);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
  virtual int rmdir(const char* path);
  virtual int list(const char* path, std::vector<FolderEntry>& entries);  // without "." and ".."
  virtual std::int64_t free_bytes(const char* path);                      // for an ordinary user
  virtual std::int64_t type_of(const char* path);                         // statfs: f_type
};

// Holds a lock on a folder until it is destroyed. Other processes see it; it survives a rename of the folder.
class EASYLM_API FolderLock {
 public:
  FolderLock(SystemCalls& calls, int fd) : calls_(&calls), fd_(fd) {}
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  bool held() const { return fd_ >= 0; }

 private:
  SystemCalls* calls_;
  int fd_;  // -1: not held
};

// All methods throw Error{io} unless they say otherwise. [any-thread]
class EASYLM_API FileSystem {
 public:
  FileSystem();                             // the real one
  explicit FileSystem(SystemCalls& calls);  // REQUIRES: `calls` outlives this

  bool exists(const std::filesystem::path& path) const;
  std::vector<FolderEntry> list(const std::filesystem::path& folder);  // sorted by name

  void create_folder(const std::filesystem::path& folder);   // it must not exist
  void create_folders(const std::filesystem::path& folder);  // and its parents, durably; each may exist
  void write_new_file(const std::filesystem::path& file, std::string_view bytes);  // it must not exist

  // The whole file. Error{corrupt} if it is larger than `limit` bytes.
  std::string read_file(const std::filesystem::path& file, std::size_t limit);
  // The whole file in pieces, first to last.
  void read_pieces(const std::filesystem::path& file,
                   const std::function<void(std::span<const std::byte>)>& take);

  // Until these return, nothing is certain to survive a power cut. A failed one is never repeated: the kernel
  // may have dropped the pages and call the file clean.
  void sync_file(const std::filesystem::path& file);
  void sync_folder(const std::filesystem::path& folder);

  void rename(const std::filesystem::path& from, const std::filesystem::path& to);
  void remove_tree(
      const std::filesystem::path& path);  // what is not there is no error; links are not followed

  // A lock on `folder`, not held if another process (or this one) holds it or it can't be locked.
  FolderLock try_lock(const std::filesystem::path& folder);
  // The same, which any number of readers can hold at once, and not beside the one above.
  FolderLock try_share(const std::filesystem::path& folder);

  std::int64_t free_bytes(const std::filesystem::path& path);
  // Whether `path` lies on a network file system (or one that may be), where shared memory and locks can't be
  // trusted.
  bool is_network(const std::filesystem::path& path);

 private:
  class Descriptor;
  FolderLock lock_with(const std::filesystem::path& folder, int (SystemCalls::*lock)(int));
  SystemCalls& calls_;
};

}  // namespace easylm
