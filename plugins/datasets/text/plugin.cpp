// The plugin easylm-dataset-text.
#include "easylm/sdk/plugin.h"
#include "text_dataset.h"

EASYLM_PLUGIN("easylm-dataset-text", "0.1.0") {
  registrar.component<easylm::datasets::TextDataset>("text", "Plain text files, cut into windows of tokens.");
}
