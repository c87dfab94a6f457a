// Opens safetensors files: one, or several with an index.
#pragma once

#include <filesystem>
#include <memory>

#include "easylm/checkpoint_format.h"

namespace easylm::safetensors {

// What CheckpointFormat::probe and open promise.
int probe_path(const std::filesystem::path& path);
std::unique_ptr<TensorReader> open_path(const std::filesystem::path& path);

}  // namespace easylm::safetensors
