// Adafactor without factoring, as EasyLM's optimizers use it.
#pragma once

#include <cstdint>

#include "easylm/tensor/fused_update.h"

namespace easylm {

struct AdafactorRule {
  std::int64_t update = 0;  // number of this update, from 0
  double learning_rate = 0;
  double gradient_scale = 1;
  double b1 = 0.9;          // of the momentum over the scaled updates; not bias corrected
  double b2 = 0.99;         // exponent: the second moment decays by 1 - (update + 1)^-b2
  double weight_decay = 0;  // what is taken off the parameter, as a share of it
};

// With g the scaled gradient and s = max(rms(parameter), 1e-3):
//   second = d second + (1 - d) (g² + 1e-30),  d = 1 - (update + 1)^-b2
//   first  = b1 first + (1 - b1) learning_rate s g / sqrt(second)
//   parameter -= first + weight_decay parameter
// On any device; on the CPU in one sweep.
EASYLM_API void adafactor_update(const UpdateTensors& tensors, const AdafactorRule& rule);

}  // namespace easylm
