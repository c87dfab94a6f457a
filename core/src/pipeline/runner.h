// Runs the stages of a checked pipeline, each in its fence.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/pipeline_config.h"
#include "easylm/checkpoints.h"
#include "easylm/stage.h"
#include "observe/console.h"
#include "pipeline/resume.h"
#include "pipeline/run_host.h"

namespace easylm {

// Whether a run leaves anything behind: a folder, a row in the registry, metrics.
enum class Recording { none, full };

struct RunRequest {
  std::filesystem::path home;
  Recording recording = Recording::full;
  std::optional<ResumePoint> resume = {};  // stages before its own are not run again
  // (optional) Called in place of stage.run(context), with the stage's index: for what watches a stage.
  std::function<void(Stage& stage, StageContext& context, std::size_t index)> run_stage = {};
};

struct RunOutcome {
  std::filesystem::path folder;     // empty if nothing was recorded
  std::vector<SavedVersion> saved;  // in order
  std::optional<Error> failure;     // of the stage that ended the run
  std::string failed_stage;
  int signal = 0;  // the one that interrupted it, or 0
};

// Runs everything. What a stage throws ends the run and comes back as `failure`; what goes wrong before the
// first stage is thrown. The log says what is being done, and at the end what is saved and how to go on.
EASYLM_API RunOutcome run_stages(const PipelineConfig& config, const RunRequest& request,
                                 const HostServices& services, Console& console);

}  // namespace easylm
