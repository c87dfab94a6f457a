// Trains variants of a pipeline on longer and longer sequences, until they no longer fit into memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "config/pipeline_config.h"
#include "easylm/export.h"
#include "easylm/host.h"
#include "observe/console.h"
#include "platform/memory_limit.h"
#include "swap/context_report.h"
#include "swap/length_search.h"
#include "swap/swap.h"

namespace easylm {

struct ContextRequest {
  std::filesystem::path folder;  // of this comparison; exists
  std::vector<CheckedVariant> variants;
  std::size_t stage = 0;  // the one that trains: its index
  MemoryLimit limit;
  std::int64_t step = 512, most = 1 << 20;
  std::int64_t common_length = 0;  // at which all are timed; 0: none
  std::chrono::duration<double> patience{600};
};

// Each trial is an `easylm run` of its own under the limit: one step of the train stage, its checkpoint and
// all. What it said stays in the folder, the rest is removed. Throws Error{unsupported} if the system doesn't
// enforce the limit, Error{interrupted} when `stop` says so; then no process is left. The environment must
// not hold settings of a pipeline.
EASYLM_API ContextFigures run_context(const ContextRequest& request, Console& console, const StopToken& stop);

}  // namespace easylm
