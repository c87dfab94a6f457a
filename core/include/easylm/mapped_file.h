// A file's bytes, mapped: nothing is read before it is touched. A file that shrinks under the map kills the
// process, so map only files that nobody writes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "easylm/export.h"

namespace easylm {

class EASYLM_API MappedFile {
 public:
  // Throws Error{not_found} or Error{io} that names the file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  // Reads bytes from `offset` on without touching the map: they stay out of this process's resident memory.
  // Throws Error{io}. REQUIRES: they lie within bytes().
  void read(std::size_t offset, std::span<std::byte> into) const;

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::span<const std::byte> bytes_;
};

}  // namespace easylm
