// The plugin easylm-dataset-parquet.
#include "easylm/sdk/plugin.h"
#include "parquet_dataset.h"

EASYLM_PLUGIN("easylm-dataset-parquet", "0.1.0") {
  registrar.component<easylm::datasets::ParquetDataset>("parquet", "Parquet files: an example a row.");
}
