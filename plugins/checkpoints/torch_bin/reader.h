// Opens pytorch_model.bin, one file or several with an index, in a Hugging Face directory or alone.
#pragma once

#include <filesystem>
#include <memory>

#include "easylm/checkpoint_format.h"

namespace easylm::torch_bin {

int probe_path(const std::filesystem::path& path);

// What CheckpointFormat::open promises.
std::unique_ptr<TensorReader> open_path(const std::filesystem::path& path);

}  // namespace easylm::torch_bin
