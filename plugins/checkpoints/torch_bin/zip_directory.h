// The directory of a zip archive whose entries are stored as they are, which is what PyTorch writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::torch_bin {

struct ZipEntry {
  std::string name;
  std::span<const std::byte> bytes;  // in the archive
  std::uint32_t crc32 = 0;           // as the directory says; not checked
};

// Whether `file` begins as a zip archive does.
bool is_zip(std::span<const std::byte> file);

// All entries of a whole archive, zip64 too. Throws Error{corrupt} that begins with `where`: a place outside
// of the file, a directory that says something else than the entries, a name that comes twice; or
// Error{unsupported}: compressed, encrypted or split.
std::vector<ZipEntry> read_zip_directory(std::span<const std::byte> file, std::string_view where);

}  // namespace easylm::torch_bin
