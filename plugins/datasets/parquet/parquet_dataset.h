// Parquet files: each row an example, of which some columns become tokens. See easylm/example_dataset.h.
#pragma once

#include <memory>
#include <vector>

#include "easylm/example_dataset.h"

namespace easylm::datasets {

class ParquetDataset final : public ExampleDataset {
 public:
  struct Config : ExampleDatasetConfig {
    static void describe(Schema<Config>& s);
  };

  ParquetDataset(Host& host, const Config& config);

 protected:
  std::unique_ptr<ExampleSource> open_source(std::vector<DataFile> files,
                                             const ExampleEncoder& encoder) override;
};

}  // namespace easylm::datasets
