// The text files below a path, in an order that every machine agrees on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace easylm::datasets {

struct TextFile {
  std::filesystem::path path;
  std::string name;  // relative to the folder; for people
};

struct TextFiles {
  std::vector<TextFile> files;  // sorted by name, byte by byte
  std::int64_t num_other = 0;   // files that are not *.txt
};

// `path` itself if it is a file, else every *.txt below it. Links are followed. Throws Error that names the
// place for what is missing, is no regular file, can't be listed, or leads back into itself.
TextFiles find_text_files(const std::filesystem::path& path);

// The whole file. Throws Error{io}.
std::string read_text_file(const std::filesystem::path& path);

}  // namespace easylm::datasets
