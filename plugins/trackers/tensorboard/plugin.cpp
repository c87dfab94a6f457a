// The plugin easylm-tracker-tensorboard.
#include "easylm/sdk/plugin.h"
#include "tensorboard_tracker.h"

EASYLM_PLUGIN("easylm-tracker-tensorboard", "0.1.0") {
  registrar.component<easylm::trackers::TensorboardTracker>(
      "tensorboard", "Metrics as TensorBoard events in the run's folder.");
}
