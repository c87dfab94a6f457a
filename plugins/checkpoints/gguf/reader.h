// Opens .gguf files.
#pragma once

#include <filesystem>
#include <memory>

#include "easylm/checkpoint_format.h"

namespace easylm::gguf {

// What CheckpointFormat::probe and open promise. A folder is ours if it holds one .gguf file.
//
// Of architecture "llama" the tensors come under Hugging Face's names, with its order of rows;
// rope_freqs.weight is part of the configuration. Any other architecture keeps its own names, and its
// configuration is its name alone: it can be listed, and no model knows it.
int probe_path(const std::filesystem::path& path);
std::unique_ptr<TensorReader> open_path(const std::filesystem::path& path);

}  // namespace easylm::gguf
