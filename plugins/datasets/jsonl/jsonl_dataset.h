// JSON lines: each line an object, of which some fields become tokens. See easylm/example_dataset.h.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "easylm/example_dataset.h"

namespace easylm::datasets {

class JsonlDataset final : public ExampleDataset {
 public:
  // The last three are where an EasyLM dataset stood: file_loc, index and total_tokens of its state.
  struct Config : ExampleDatasetConfig {
    std::int64_t start_seek_loc = 0;
    std::int64_t example_index_at_start = 0;

    static void describe(Schema<Config>& s);
  };

  JsonlDataset(Host& host, const Config& config);

 protected:
  std::unique_ptr<ExampleSource> open_source(std::vector<DataFile> files,
                                             const ExampleEncoder& encoder) override;

 private:
  ExamplePlace start_;
};

}  // namespace easylm::datasets
