// Runs the variants of a pipeline in turns, and measures them.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "config/pipeline_config.h"
#include "easylm/export.h"
#include "easylm/host.h"
#include "observe/console.h"
#include "plugin/catalogue.h"
#include "swap/report.h"

namespace easylm {

struct CheckedVariant {
  std::string name;
  PipelineConfig config;  // its run's name is its own
};

struct SwapRequest {
  std::filesystem::path home;
  std::filesystem::path folder;  // of this comparison; exists; its name is the comparison's id
  std::string key;               // what varies
  std::string kind;              // of component
  std::vector<CheckedVariant> variants;
  std::size_t stage = 0;  // the one that is compared: its index
  std::chrono::duration<double> slice{5};
};

// Each variant is an `easylm run` of its own, whose pipeline and output lie in the folder. Their last
// versions get the tags `bench` and `varied`. Throws what the first one that failed said, or
// Error{interrupted}; then no process is left. The environment must not hold settings of a pipeline: the runs
// would take them, too.
EASYLM_API SwapFigures run_swap(const SwapRequest& request, const Catalogue& catalogue, Console& console,
                                const StopToken& stop);

}  // namespace easylm
