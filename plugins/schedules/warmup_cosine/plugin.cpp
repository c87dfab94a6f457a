// The plugin easylm-schedule-warmup-cosine.
#include "easylm/sdk/plugin.h"
#include "warmup_cosine.h"

EASYLM_PLUGIN("easylm-schedule-warmup-cosine", "0.1.0") {
  registrar.component<easylm::schedules::WarmupCosine>(
      "warmup_cosine", "A linear rise to the peak, then half a cosine down to the end.");
}
