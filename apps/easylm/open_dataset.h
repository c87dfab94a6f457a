// A dataset of a pipeline, opened as its stages would.
#pragma once

#include <memory>
#include <string>

#include "config/pipeline_config.h"
#include "easylm/dataset.h"
#include "easylm/host.h"
#include "easylm/tokenizer.h"

namespace easylm::app {

struct OpenedDataset {
  std::shared_ptr<Tokenizer> tokenizer;
  std::shared_ptr<Dataset> dataset;

  // What became of the data so far; null if the dataset doesn't count.
  DatasetCounter* counter() const { return extension_of<DatasetCounter>(*dataset); }
};

// [dataset.NAME] with the pipeline's tokenizer. Throws Error if there is no such table, or no tokenizer.
OpenedDataset open_dataset(const PipelineConfig& config, const std::string& name, DatasetPass pass,
                           Host& host);

}  // namespace easylm::app
