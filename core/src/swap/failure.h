// What a run's output says of it.
#pragma once

#include <filesystem>
#include <string>

#include "easylm/export.h"

namespace easylm {

// The last error that the output ends with, with its hint; else what the exit code says.
EASYLM_API std::string failure_text(const std::filesystem::path& output, int exit_code);

// Its last progress line; "starts" if there is none.
EASYLM_API std::string last_progress(const std::filesystem::path& output);

}  // namespace easylm
