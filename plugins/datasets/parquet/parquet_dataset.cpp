// The keys of parquet.
#include "parquet_dataset.h"

#include <utility>

#include "parquet_rows.h"

namespace easylm::datasets {

void ParquetDataset::Config::describe(Schema<Config>& s) {
  describe_examples(s, "a Parquet file, or a folder: every *.parquet below it, sorted by relative path");
}

ParquetDataset::ParquetDataset(Host& host, const Config& config)
    : ExampleDataset(host, "parquet", ".parquet", config) {}

std::unique_ptr<ExampleSource> ParquetDataset::open_source(std::vector<DataFile> files,
                                                           const ExampleEncoder& encoder) {
  return std::make_unique<ParquetRows>(std::move(files), encoder);
}

}  // namespace easylm::datasets
