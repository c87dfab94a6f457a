// A Parquet file, read a group of rows at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "easylm/example.h"

namespace easylm::datasets {

// Some columns of a group of rows, in memory.
class RowGroup {
 public:
  virtual ~RowGroup();
  virtual std::int64_t num_rows() const = 0;
  virtual void decode(std::int64_t row, Example& example) const = 0;  // [any-thread]
};

class ParquetFile {
 public:
  // Reads the footer. Throws Error{io}, or Error{corrupt} if it is no Parquet file.
  static std::unique_ptr<ParquetFile> open(const std::filesystem::path& path);
  virtual ~ParquetFile();

  virtual std::vector<std::string> column_names() const = 0;
  virtual std::int64_t num_groups() const = 0;
  virtual std::int64_t rows_in(std::int64_t group) const = 0;

  // These of its columns; all of them if `names` is empty. Throws Error{corrupt}.
  virtual std::shared_ptr<const RowGroup> read(std::int64_t group, const std::vector<std::string>& names) = 0;
};

}  // namespace easylm::datasets
