// Meta's folders: consolidated.00.pth and so on, params.json and tokenizer.model.
#pragma once

#include <filesystem>
#include <memory>

#include "easylm/checkpoint_format.h"
#include "easylm/host.h"

namespace easylm::torch_bin {

int probe_original(const std::filesystem::path& path);

// What CheckpointFormat::open promises. Tensors that lie in several files, one for each device that Meta ran
// them on, are read as one, under Hugging Face's names and in its layout.
std::unique_ptr<TensorReader> open_original(Host& host, const std::filesystem::path& path);

}  // namespace easylm::torch_bin
