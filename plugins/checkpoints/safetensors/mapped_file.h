// A file's bytes, mapped: nothing is read before it is touched.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace easylm::safetensors {

class MappedFile {
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

}  // namespace easylm::safetensors
