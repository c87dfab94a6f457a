// The folder of one run: `<home>/<run name>/<UTC time>/`, and `latest` beside it; and that of a comparison.
#pragma once

#include <filesystem>
#include <string>

#include "easylm/export.h"

namespace easylm {

// Makes a new folder, never one that is there already, and points `<home>/<run name>/latest` to it.
// Throws Error{io}.
EASYLM_API std::filesystem::path make_run_folder(const std::filesystem::path& home,
                                                 const std::string& run_name);

// Makes `<home>/bench/<run name>-<UTC time>/`, never one that is there already. Throws Error{io}.
EASYLM_API std::filesystem::path make_bench_folder(const std::filesystem::path& home,
                                                   const std::string& run_name);

}  // namespace easylm
