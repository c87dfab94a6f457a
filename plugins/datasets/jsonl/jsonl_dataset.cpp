// The keys of jsonl, and where it starts.
#include "jsonl_dataset.h"

#include <utility>

#include "easylm/error.h"
#include "json_lines.h"

namespace easylm::datasets {

void JsonlDataset::Config::describe(Schema<Config>& s) {
  describe_examples(s, "a file of JSON lines, or a folder: every *.jsonl below it, sorted by relative path");
  s.field("start_seek_loc", &Config::start_seek_loc,
          "the first pass begins at this byte of the first file, where a line must begin")
      .at_least(0)
      .unit("bytes");
  s.field("example_index_at_start", &Config::example_index_at_start,
          "how many lines are counted as read before")
      .at_least(0)
      .at_most(1e15)
      .unit("lines");
  s.field("tokens_count_at_start", inherited<Config>(&Config::tokens_count_at_start),
          "how many tokens are counted as read before")
      .at_least(0)
      .at_most(1e15)
      .unit("tokens");
}

JsonlDataset::JsonlDataset(Host& host, const Config& config)
    : ExampleDataset(host, "jsonl", ".jsonl", config),
      start_{0, config.start_seek_loc, 0, config.example_index_at_start} {}

std::unique_ptr<ExampleSource> JsonlDataset::open_source(std::vector<DataFile> files,
                                                         const ExampleEncoder& encoder) {
  auto source = std::make_unique<JsonLines>(std::move(files), encoder);
  if (start_ == ExamplePlace{}) return source;
  try {
    source->seek(start_);
  } catch (const Error& error) {
    throw Error(ErrorCode::invalid_config, error.message(), "correct start_seek_loc");
  }
  return source;
}

}  // namespace easylm::datasets
