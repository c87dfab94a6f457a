// The plugin easylm-schedule-inverse-sqrt.
#include "easylm/sdk/plugin.h"
#include "inverse_sqrt.h"

EASYLM_PLUGIN("easylm-schedule-inverse-sqrt", "0.1.0") {
  registrar.component<easylm::schedules::InverseSqrt>(
      "inverse_sqrt", "The peak for the warmup, then falling with the square root of the step.");
}
