// The libraries that plugins need: where they are looked for, and what to say if one isn't found.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "plugin/inspect.h"

namespace easylm {

struct MissingLibrary {
  std::string message;  // which one, and where it is looked for
  std::string remedy;
};

// Our own library of tensors, where it lies if it is installed at all: beside the host's. [any-thread]
EASYLM_API std::filesystem::path tensor_library();

// The folders that `file`, a shared library, names for those that it needs; empty if it can't be read.
// [any-thread]
EASYLM_API std::vector<std::string> library_folders(const std::filesystem::path& file);

// None if `why`, the system's own words, complains of something else. [any-thread]
EASYLM_API std::optional<MissingLibrary> missing_library(const InspectedPlugin& plugin, std::string_view why);

}  // namespace easylm
