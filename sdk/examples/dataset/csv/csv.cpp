// CSV files as examples: the first record of a file names its columns, every other one is an example with a
// field for each.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "csv_file.h"
#include "easylm/error.h"
#include "easylm/example_dataset.h"
#include "easylm/sdk/plugin.h"

namespace {

using namespace easylm;

class CsvSource final : public ExampleSource {
 public:
  CsvSource(std::vector<DataFile> files, const ExampleEncoder& encoder)
      : files_(std::move(files)), encoder_(encoder) {}

  bool read(RawExample& raw) override {
    while (place_.file < num_files()) {
      open();
      const std::string_view rest = file_->text.substr(static_cast<std::size_t>(place_.offset));
      if (rest.empty()) {
        enter({place_.file + 1, 0, 0, place_.example});
        continue;
      }
      const std::string_view record = said_where(place_, [&] { return first_record(rest); });
      raw = {place_, without_line_end(record), 0, file_};
      place_.offset += static_cast<std::int64_t>(record.size());
      place_.line += std::ranges::count(record, '\n');
      if (raw.bytes.empty()) continue;
      ++place_.example;
      return true;
    }
    return false;
  }

  ExamplePlace place() const override { return place_; }

  void seek(const ExamplePlace& place) override {
    const bool exists = place.file >= 0 && place.line >= 0 && place.example >= 0 && place.offset >= 0 &&
                        (place.file < num_files() || (place.file == num_files() && place.offset == 0));
    if (exists) enter(place);
    if (exists && place.offset > 0) open();
    if (!exists || (place.offset > 0 && !record_can_begin(static_cast<std::size_t>(place.offset)))) {
      throw Error(ErrorCode::corrupt,
                  "dataset csv: no record begins at file " + std::to_string(place.file) + ", byte " +
                      std::to_string(place.offset),
                  "resume with the data that the run began with");
    }
  }

  void decode(const RawExample& raw, Example& example) const override {
    const auto& columns = static_cast<const CsvFile*>(raw.owner.get())->columns;
    std::vector<std::string> fields = fields_of(raw.bytes);
    if (fields.size() != columns.size()) {
      throw Error(ErrorCode::corrupt, "it has " + std::to_string(fields.size()) + " fields, and there are " +
                                          std::to_string(columns.size()) + " columns");
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (encoder_.reads(columns[i])) example.fields.push_back({columns[i], std::move(fields[i]), {}});
    }
  }

  std::string where(const ExamplePlace& place) const override {
    if (place.file >= num_files()) return "end";
    return files_[static_cast<std::size_t>(place.file)].name + ":" + std::to_string(place.line + 1);
  }

 private:
  std::int64_t num_files() const { return static_cast<std::int64_t>(files_.size()); }

  void enter(const ExamplePlace& place) {
    if (place.file != place_.file) file_.reset();
    place_ = place;
  }

  // The file of place_, and its first example if it stands at the header.
  void open() {
    if (!file_) {
      file_ = said_where({place_.file}, [this] {
        auto file = std::make_shared<const CsvFile>(files_[static_cast<std::size_t>(place_.file)].path);
        for (const std::string& wanted : encoder_.field_names()) {
          if (std::ranges::count(file->columns, wanted) == 1) continue;
          throw Error(ErrorCode::corrupt, "there is not one column called '" + wanted + "'");
        }
        return file;
      });
    }
    if (place_.offset > 0) return;
    place_.offset = static_cast<std::int64_t>(file_->body);
    place_.line = file_->header_lines;
  }

  bool record_can_begin(std::size_t offset) const {
    const std::size_t size = file_->text.size();
    return offset == size || (offset >= file_->body && offset < size && file_->text[offset - 1] == '\n');
  }

  // What `action` returns; an error of it with the place in front.
  template <typename Action>
  std::invoke_result_t<Action> said_where(const ExamplePlace& place, Action action) const {
    try {
      return action();
    } catch (const Error& error) {
      throw error.within("dataset csv: " + where(place));
    }
  }

  std::vector<DataFile> files_;
  const ExampleEncoder& encoder_;
  ExamplePlace place_;
  std::shared_ptr<const CsvFile> file_;  // that of place_, once it is read
};

class CsvDataset final : public ExampleDataset {
 public:
  struct Config : ExampleDatasetConfig {
    static void describe(Schema<Config>& s) {
      describe_examples(s, "a CSV file, or a folder: every *.csv below it, sorted by relative path");
    }
  };

  CsvDataset(Host& host, const Config& config) : ExampleDataset(host, "csv", ".csv", config) {}

 protected:
  std::unique_ptr<ExampleSource> open_source(std::vector<DataFile> files,
                                             const ExampleEncoder& encoder) override {
    return std::make_unique<CsvSource>(std::move(files), encoder);
  }
};

}  // namespace

EASYLM_PLUGIN("example-dataset-csv", "1.0.0") {
  registrar.component<CsvDataset>("csv", "CSV: an example a record, a field a column.");
}
