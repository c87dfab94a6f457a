// Files that a command was asked to write.
#pragma once

#include <filesystem>
#include <string>

namespace easylm::app {

// Replaces what is there. Throws Error{io}.
void write_text(const std::filesystem::path& file, const std::string& text);

}  // namespace easylm::app
