// The files of a data set, in an order that every machine agrees on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

struct DataFile {
  std::filesystem::path path;
  std::string name;  // relative to the folder; for people
};

struct DataFiles {
  std::vector<DataFile> files;  // sorted by name, byte by byte
  std::int64_t num_other = 0;   // files of another extension
};

// `path` itself if it is a file, else every file below it that ends in `extension` (".txt"). Links are
// followed. Throws Error, beginning with `who` ("dataset text"), that names the place for what is missing, is
// no regular file, can't be listed, or leads back into itself.
EASYLM_API DataFiles find_data_files(const std::filesystem::path& path, std::string_view extension,
                                     std::string_view who);

// 128 bits, in hex, of the files' sizes and contents in their order; not of their names. Of a file above 16
// MiB it reads 64 blocks of 64 KiB, evenly spaced from the first byte to the last: a change between them that
// keeps the size goes unseen. Throws Error{io}.
EASYLM_API std::string content_fingerprint(std::span<const DataFile> files);

}  // namespace easylm
