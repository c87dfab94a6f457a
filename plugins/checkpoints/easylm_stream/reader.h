// Opens files of the Python EasyLM: parameter files, train states, and flax's one map.
#pragma once

#include <filesystem>
#include <memory>

#include "easylm/checkpoint_format.h"
#include "easylm/host.h"
#include "easylm/value.h"

namespace easylm::stream {

// The width of a head, as far as it is known: queries and keys can't be put in order without it. 0: not
// known.
struct HeadCounts {
  std::int64_t heads = 0;
  std::int64_t head_width = 0;  // 0: rows of a query divided by heads
};

// What a model's configuration says of it.
HeadCounts head_counts(const Table& model_config);

int probe_path(const std::filesystem::path& path);

// What CheckpointFormat::open promises. What `known` leaves open is looked for in config.json beside the
// file.
std::unique_ptr<TensorReader> open_path(Host& host, const std::filesystem::path& path,
                                        const HeadCounts& known);

}  // namespace easylm::stream
