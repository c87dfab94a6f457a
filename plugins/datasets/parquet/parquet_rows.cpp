// Finds the group of a row by the numbers in the file's footer.
#include "parquet_rows.h"

#include <algorithm>
#include <utility>

#include "easylm/error.h"

namespace easylm::datasets {

ParquetRows::ParquetRows(std::vector<DataFile> files, const ExampleEncoder& encoder)
    : files_(std::move(files)), encoder_(encoder) {
  for (const DataFile& file : files_) require_columns(*ParquetFile::open(file.path), file.name);
}

void ParquetRows::require_columns(const ParquetFile& file, const std::string& name) const {
  const std::vector<std::string> columns = file.column_names();
  for (const std::string& wanted : encoder_.field_names()) {
    if (std::ranges::find(columns, wanted) != columns.end()) continue;
    std::string all;
    for (const std::string& column : columns) all.append(all.empty() ? "" : ", ").append(column);
    std::string message = "dataset parquet: ";
    message.append(name).append(" has no column '").append(wanted).append("', which `fields` names");
    throw Error(ErrorCode::invalid_config, message, "its columns: " + all);
  }
}

bool ParquetRows::read(RawExample& raw) {
  while (place_.file < static_cast<std::int64_t>(files_.size())) {
    if (open_file_ != place_.file) open_file(place_.file);
    if (!find_group()) {
      place_ = {place_.file + 1, 0, 0, place_.example};
      continue;
    }
    raw = {place_, {}, place_.offset - group_begin_, group_};
    ++place_.offset;
    ++place_.line;
    ++place_.example;
    return true;
  }
  return false;
}

// Makes group_ the one that holds the next row; false at the end of the file.
bool ParquetRows::find_group() {
  if (group_ && place_.offset >= group_begin_ && place_.offset < group_begin_ + group_->num_rows())
    return true;
  std::int64_t begin = 0;
  for (std::int64_t i = 0; i < file_->num_groups(); ++i) {
    const std::int64_t rows = file_->rows_in(i);
    if (place_.offset < begin + rows) {
      group_ = file_->read(i, encoder_.field_names());
      group_begin_ = begin;
      return true;
    }
    begin += rows;
  }
  return false;
}

void ParquetRows::open_file(std::int64_t file) {
  group_.reset();
  file_ = ParquetFile::open(files_[static_cast<std::size_t>(file)].path);
  open_file_ = file;
}

void ParquetRows::seek(const ExamplePlace& place) {
  const auto num_files = static_cast<std::int64_t>(files_.size());
  const auto fail = [&] {
    throw Error(ErrorCode::corrupt,
                "dataset parquet: there is no file " + std::to_string(place.file) + ", row " +
                    std::to_string(place.offset),
                "resume with the data that the run began with");
  };
  if (place.file < 0 || place.file > num_files || place.offset < 0 || place.example < 0) fail();
  if (place.line != place.offset) fail();
  std::int64_t rows = 0;
  if (place.file < num_files) {
    if (open_file_ != place.file) open_file(place.file);
    for (std::int64_t i = 0; i < file_->num_groups(); ++i) rows += file_->rows_in(i);
  }
  if (place.offset > rows) fail();
  place_ = place;
}

void ParquetRows::decode(const RawExample& raw, Example& example) const {
  static_cast<const RowGroup*>(raw.owner.get())->decode(raw.row, example);
}

std::string ParquetRows::where(const ExamplePlace& place) const {
  if (place.file >= static_cast<std::int64_t>(files_.size())) return "end";
  return files_[static_cast<std::size_t>(place.file)].name + ", row " + std::to_string(place.line + 1);
}

}  // namespace easylm::datasets
