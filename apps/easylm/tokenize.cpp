// tokenize and tokenize train: pipelines of one stage, put together from the command line.
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "easylm/data_files.h"
#include "easylm/error.h"
#include "model_files.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

List texts(const std::vector<std::string>& all) {
  List list;
  for (const std::string& text : all) list.push_back(given(text));
  return list;
}

Table pipeline_of(Table stage, std::optional<Table> tokenizer) {
  Table run;
  run.set("name", given("tokenize"));
  Table root;
  root.set("run", {std::move(run), {}});
  if (tokenizer) root.set("tokenizer", {std::move(*tokenizer), {}});
  root.set("stage", {List{{std::move(stage), {}}}, {}});
  return root;
}

Table training_stage(const Invocation& invocation) {
  Table stage;
  stage.set("type", given("train_tokenizer"));
  stage.set("paths", {texts(invocation.words), {}});
  stage.set("vocabulary_size", {invocation.integer("vocab-size"), {}});
  if (invocation.has("style")) stage.set("style", given(invocation.text("style")));
  if (invocation.has("special")) stage.set("special_tokens", {texts(invocation.list("special")), {}});
  stage.set("output", given(invocation.text("output")));
  return stage;
}

struct DataKind {
  const char *extension, *dataset;
};
constexpr std::array<DataKind, 3> kDataKinds = {
    {{".txt", "text"}, {".jsonl", "jsonl"}, {".parquet", "parquet"}}};

// The dataset that reads what lies at `path`, by the ending of its files.
std::string dataset_for(const std::string& path) {
  const bool is_folder = std::filesystem::is_directory(path);
  std::vector<std::string> found;
  for (const DataKind& kind : kDataKinds) {
    const bool fits = is_folder ? !find_data_files(path, kind.extension, "tokenize").files.empty()
                                : path.ends_with(kind.extension);
    if (fits) found.emplace_back(kind.dataset);
  }
  if (found.size() == 1) return found.front();
  if (!found.empty()) {
    throw Error(ErrorCode::invalid_config,
                path + " holds files for the datasets " + found[0] + " and " + found[1],
                "name one of the files, or a folder with files of one kind");
  }
  throw Error(ErrorCode::not_found, "there is no *.txt, *.jsonl or *.parquet file at " + path,
              "name such a file, or a folder with some");
}

Table storing_stage(const Invocation& invocation) {
  const std::string& path = invocation.words.front();
  Table dataset;
  dataset.set("type", given(dataset_for(path)));
  dataset.set("path", given(path));
  dataset.set("sequence_length", {std::int64_t{1}, {}});  // rows play no part
  dataset.set("batch_size", {std::int64_t{1}, {}});
  if (dataset.find("type")->as<std::string>()->compare("text") != 0) {
    dataset.set("fields", given(invocation.text("fields", "text")));
  } else if (invocation.has("fields")) {
    throw Error(ErrorCode::invalid_config, "text files have no fields", "leave --fields out");
  }
  Table stage;
  stage.set("type", given("tokenize"));
  stage.set("dataset", {std::move(dataset), {}});
  stage.set("output", given(invocation.text("output")));
  return stage;
}

}  // namespace

int train_tokenizer(const Invocation& invocation) {
  Session session(invocation.home);
  return run_composed(session, pipeline_of(training_stage(invocation), {}), {}, "tokenize");
}

int tokenize_data(const Invocation& invocation) {
  Session session(invocation.home);
  Table tokenizer = tokenizer_for(session, {}, invocation.text("tokenizer"));
  std::vector<std::string> sets;
  for (const std::string& set : invocation.list("set")) sets.push_back("stage.0.dataset." + set);
  return run_composed(session, pipeline_of(storing_stage(invocation), std::move(tokenizer)), sets,
                      "tokenize");
}

}  // namespace easylm::app
