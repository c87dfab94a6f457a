// The rows of Parquet files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "easylm/data_files.h"
#include "easylm/example.h"
#include "easylm/example_encoder.h"
#include "row_group.h"

namespace easylm::datasets {

// An example a row; a place's offset and line are both the row in its file. Memory: a group of rows, of the
// columns that are read.
class ParquetRows final : public ExampleSource {
 public:
  // REQUIRES: at least one file; `encoder` outlives this. Throws Error{invalid_config} if a file has not the
  // columns that `encoder` reads.
  ParquetRows(std::vector<DataFile> files, const ExampleEncoder& encoder);

  bool read(RawExample& raw) override;
  ExamplePlace place() const override { return place_; }
  void seek(const ExamplePlace& place) override;
  void decode(const RawExample& raw, Example& example) const override;
  std::string where(const ExamplePlace& place) const override;

 private:
  void open_file(std::int64_t file);
  bool find_group();
  void require_columns(const ParquetFile& file, const std::string& name) const;

  std::vector<DataFile> files_;
  const ExampleEncoder& encoder_;
  ExamplePlace place_;
  std::int64_t open_file_ = -1;
  std::unique_ptr<ParquetFile> file_;
  std::shared_ptr<const RowGroup> group_;  // of that file; null: none yet
  std::int64_t group_begin_ = 0;           // its first row
};

}  // namespace easylm::datasets
