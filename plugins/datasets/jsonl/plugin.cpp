// The plugin easylm-dataset-jsonl.
#include "easylm/sdk/plugin.h"
#include "jsonl_dataset.h"

EASYLM_PLUGIN("easylm-dataset-jsonl", "0.1.0") {
  registrar.component<easylm::datasets::JsonlDataset>("jsonl", "JSON lines: an example a line.");
}
