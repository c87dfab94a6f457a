// Settings of the train stage.
#pragma once

#include <cstdint>
#include <string>

#include "easylm/schema.h"

namespace easylm::stages {

struct TrainConfig {
  std::int64_t steps = 0;
  std::int64_t accumulate_gradient_steps = 1;
  double clip_gradient = 1.0;
  std::int64_t validate_every_steps = 0;
  std::int64_t validation_batches = 0;
  bool validation_by_position = false;
  std::int64_t log_every_steps = 10;
  std::int64_t max_skipped_steps = 8;
  std::string recompute = "none";
  std::int64_t tokens_per_pass = 0;

  static void describe(Schema<TrainConfig>& s);
};

}  // namespace easylm::stages
