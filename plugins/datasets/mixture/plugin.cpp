// The plugin easylm-dataset-mixture.
#include "easylm/sdk/plugin.h"
#include "mixture_dataset.h"

EASYLM_PLUGIN("easylm-dataset-mixture", "0.1.0") {
  registrar.component<easylm::datasets::MixtureDataset>("mixture", "Rows of several datasets, by weight.");
}
