// Writes safetensors files, one or several with an index, by slices in any order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "easylm/checkpoint_format.h"

namespace easylm::safetensors {

// What CheckpointFormat::create promises. Shards hold at most `max_shard_bytes` of data, unless a single
// tensor has more.
std::unique_ptr<TensorWriter> create_files(const std::filesystem::path& folder, const WritePlan& plan,
                                           std::int64_t max_shard_bytes);

}  // namespace easylm::safetensors
