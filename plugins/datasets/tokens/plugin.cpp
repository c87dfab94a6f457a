// The plugin easylm-dataset-tokens.
#include "easylm/sdk/plugin.h"
#include "tokens_dataset.h"

EASYLM_PLUGIN("easylm-dataset-tokens", "0.1.0") {
  registrar.component<easylm::datasets::TokensDataset>(
      "tokens", "Documents that `easylm tokenize` stored as tokens, cut into windows.");
}
