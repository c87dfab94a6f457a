// Finds the tables, makes the components.
#include "open_dataset.h"

#include "easylm/error.h"

namespace easylm::app {

OpenedDataset open_dataset(const PipelineConfig& config, const std::string& name, DatasetPass pass,
                           Host& host) {
  const Table* table = config.dataset(name);
  if (table == nullptr) {
    std::string names;
    for (const auto& [known, unused] : config.datasets) names += (names.empty() ? "" : ", ") + known;
    throw Error(ErrorCode::not_found, "there is no [dataset." + name + "] in the pipeline",
                names.empty() ? "the pipeline has no datasets" : "--dataset takes one of: " + names);
  }
  if (!config.tokenizer) {
    throw Error(ErrorCode::invalid_config, "the pipeline has no [tokenizer] table",
                "add one, for example type = \"byte\"");
  }
  OpenedDataset opened{host.make<Tokenizer>(*config.tokenizer), host.make<Dataset>(*table)};
  opened.dataset->open({opened.tokenizer, pass, 0, 1});
  return opened;
}

}  // namespace easylm::app
