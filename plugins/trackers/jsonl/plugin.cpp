// The plugin easylm-tracker-jsonl.
#include "easylm/sdk/plugin.h"
#include "jsonl_tracker.h"

EASYLM_PLUGIN("easylm-tracker-jsonl", "0.1.0") {
  registrar.component<easylm::trackers::JsonlTracker>("jsonl", "Metrics as JSON lines: metrics.jsonl.");
}
