// The plugin easylm-schedule-wsd.
#include "easylm/sdk/plugin.h"
#include "wsd.h"

EASYLM_PLUGIN("easylm-schedule-wsd", "0.1.0") {
  registrar.component<easylm::schedules::WarmupStableDecay>(
      "wsd", "Warmup, stable, decay: a linear rise, a long plateau, and a fall over the last steps.");
}
