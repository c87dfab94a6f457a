// The bytes of a text file.
#pragma once

#include <filesystem>
#include <string>

namespace easylm::datasets {

// The whole file. Throws Error{io}.
std::string read_text_file(const std::filesystem::path& path);

}  // namespace easylm::datasets
