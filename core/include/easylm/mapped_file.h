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

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace easylm
