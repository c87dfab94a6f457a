// A plugin's file, held open: what is read, hashed and copied through it is one and the same file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "easylm/export.h"
#include "plugin/elf_file.h"

namespace easylm {

// Which file it was, so that another one put in its place is noticed.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};

// The identity of what lies at `path` now; none if nothing does.
EASYLM_API std::optional<FileIdentity> identity_of(const std::filesystem::path& path);

class EASYLM_API PluginFile : public ByteSource {
 public:
  // Throws Error{io}, without the file's name, if `path` is no regular file or can't be opened. Never waits.
  explicit PluginFile(const std::filesystem::path& path);
  ~PluginFile() override;
  PluginFile(PluginFile&& other) noexcept;
  PluginFile& operator=(PluginFile&&) = delete;
  PluginFile(const PluginFile&) = delete;
  PluginFile& operator=(const PluginFile&) = delete;

  const FileIdentity& identity() const { return identity_; }
  std::uint64_t size() const override { return identity_.size; }
  bool read(std::uint64_t offset, std::span<std::byte> out) const override;

  // 64 lower-case hexadecimal digits. Throws Error{io} if the file can't be read to the end that it had.
  std::string sha256() const;

  // A copy in memory that nobody can change, not even this process; `name` shows in the process's list of
  // mappings. Throws Error{io}.
  PluginFile sealed_copy(const std::string& name) const;

  // A path that leads any process of this user to the open file, as long as this process has it open.
  std::filesystem::path open_path() const;

  // Leaves the file open until the process ends.
  void keep_open() { descriptor_ = -1; }

 private:
  explicit PluginFile(int descriptor);  // takes it over

  int descriptor_;
  FileIdentity identity_;
};

}  // namespace easylm
