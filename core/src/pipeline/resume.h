// Where a run goes on: the last version of its name, if what made that one is what would make the next.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "config/pipeline_config.h"
#include "easylm/checkpoints.h"
#include "easylm/export.h"

namespace easylm {

struct ResumePoint {
  SavedVersion version;
  std::string run;  // the id of the one that made it
  std::int64_t step = 0;
  std::size_t stage = 0;  // of the pipeline: the one that made the version, and goes on from it
  bool complete = false;  // "auto" found that this very pipeline has come to its end already
};

// `wanted` is "auto" (the last version of the run's name), "never", or a version. None: from the start.
// Throws Error{invalid_config} that names every key that differs in what matters: model, tokenizer, training
// data, optimizer, seed and precision. Stages compare their own settings.
EASYLM_API std::optional<ResumePoint> find_resume_point(const PipelineConfig& config,
                                                        const std::filesystem::path& home,
                                                        const std::string& wanted);

}  // namespace easylm
