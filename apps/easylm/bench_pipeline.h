// What the verbs share that run variants of a pipeline.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "easylm/value.h"

namespace easylm::app {

// The pipeline as it is written, with the environment's settings and `sets`. What the environment says of it
// becomes part of it, once, and is taken out of the environment: said to a variant again, it could undo what
// makes it one. None if anything is wrong.
std::optional<Table> read_pipeline(const std::filesystem::path& file, const std::vector<std::string>& sets,
                                   Diagnostics& diagnostics);

std::string run_name_of(const Table& root, const std::filesystem::path& file);

}  // namespace easylm::app
