// Writes .gguf files, tensors by slices in any order.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "easylm/checkpoint_format.h"

namespace easylm::gguf {

// What CheckpointFormat::create promises, for a LLaMA: everything goes into one file, tokenizer and all.
// `quantise` says how matrices are stored (docs/formats/gguf.md): "none" as they come, "f32", "f16", "bf16",
// "q8_0", "q4_0" or "q4_1".
std::unique_ptr<TensorWriter> create_file(const std::filesystem::path& folder, const WritePlan& plan,
                                          const std::string& quantise);

}  // namespace easylm::gguf
