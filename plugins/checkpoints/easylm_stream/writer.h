// Writes files that the Python EasyLM and flax read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "easylm/checkpoint_format.h"
#include "reader.h"
#include "tree.h"

namespace easylm::stream {

inline constexpr std::int64_t kChunkBytes = std::int64_t{1} << 30U;  // flax's

struct WriteOptions {
  Form form = Form::stream;
  std::int64_t chunk_bytes = kChunkBytes;  // larger arrays are written in parts of this size
};

// What CheckpointFormat::create promises: STEM.stream or STEM.msgpack. A tensor whose layout differs from
// ours is kept in memory from its first byte to its last.
std::unique_ptr<TensorWriter> create_file(const std::filesystem::path& folder, const WritePlan& plan,
                                          const WriteOptions& options);

}  // namespace easylm::stream
