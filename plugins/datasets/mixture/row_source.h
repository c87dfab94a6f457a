// A dataset whose rows are taken one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "easylm/dataset.h"

namespace easylm::datasets {

class RowSource {
 public:
  // `dataset` is open, with world 1.
  RowSource(std::string name, std::shared_ptr<Dataset> dataset)
      : name_(std::move(name)), dataset_(std::move(dataset)) {}

  const std::string& name() const { return name_; }
  Dataset& dataset() const { return *dataset_; }

  // Makes row() one that wasn't taken; false at the end of a `once` pass.
  bool has_row();

  // The batch that the current row is in, and which row of it that is. REQUIRES: has_row().
  const TokenBatch& batch() const { return batch_; }
  std::int64_t row() const { return row_; }
  void take() { ++row_; }

  // The batch that the next row is in, and how many of its rows were taken.
  struct Place {
    DatasetPosition batch;
    std::int64_t rows_taken = 0;
  };
  Place place() const;

  // Throws Error{corrupt} if it can't be one of ours.
  void seek(const Place& place);

 private:
  std::string name_;
  std::shared_ptr<Dataset> dataset_;
  TokenBatch batch_;  // its spans are the dataset's
  std::int64_t row_ = 0;
};

}  // namespace easylm::datasets
