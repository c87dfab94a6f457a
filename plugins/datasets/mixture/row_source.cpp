// Keeps a batch until all of its rows are taken.
#include "row_source.h"

#include "easylm/error.h"

namespace easylm::datasets {

bool RowSource::has_row() {
  if (row_ < batch_.num_rows) return true;
  row_ = 0;
  if (dataset_->next(batch_)) return true;
  batch_ = {};
  return false;
}

RowSource::Place RowSource::place() const {
  if (row_ < batch_.num_rows) return {batch_.first, row_};
  return {dataset_->position(), 0};
}

void RowSource::seek(const Place& place) {
  dataset_->seek(place.batch);
  batch_ = {};
  row_ = 0;
  if (place.rows_taken == 0) return;
  if (place.rows_taken < 0 || !has_row() || place.rows_taken >= batch_.num_rows) {
    throw Error(ErrorCode::corrupt,
                "dataset mixture: there is no row " + std::to_string(place.rows_taken) + " in a batch of '" +
                    name_ + "'",
                "resume with the dataset settings that the run began with");
  }
  row_ = place.rows_taken;
}

}  // namespace easylm::datasets
