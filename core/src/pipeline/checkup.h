// What can be said about a run before anything runs, and without LibTorch.
#pragma once

#include <filesystem>
#include <string>

#include "config/pipeline_config.h"
#include "easylm/host.h"

namespace easylm {

// Completes `config` with what other components know (the tokenizer of a model that brings one, the
// vocabulary of a tokenizer) and reports what cannot work on this machine: a device that isn't there, a model
// that is nowhere, a stage that saves with no [checkpoint] table.
EASYLM_API void check_run(PipelineConfig& config, Host& host, const std::filesystem::path& home,
                          const Descriptions& descriptions, Diagnostics& diagnostics);

// Numbers worked out from the descriptions' facts; 0 where they don't say. Of several stages that train,
// those of the one with the largest batch.
struct RunEstimate {
  double parameters = 0;
  double tokens_per_step = 0;
  double weight_bytes = 0, gradient_bytes = 0, optimizer_bytes = 0, activation_bytes = 0;

  double total_bytes() const { return weight_bytes + gradient_bytes + optimizer_bytes + activation_bytes; }
};

EASYLM_API RunEstimate estimate_run(const PipelineConfig& config, const Descriptions& descriptions);

// One screen: stages, components and the file each comes from, parameters, memory, tokens a step.
class Catalogue;
EASYLM_API std::string describe_run(const PipelineConfig& config, const Catalogue& catalogue);

}  // namespace easylm
