// data inspect: what the model really sees.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

#include "easylm/dataset.h"
#include "easylm/json.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

struct Opened {
  std::shared_ptr<Tokenizer> tokenizer;
  std::shared_ptr<Dataset> dataset;
};

Opened open_dataset(const PipelineConfig& config, const std::string& name, Host& host) {
  const Table* table = config.dataset(name);
  if (table == nullptr) {
    std::string names;
    for (const auto& [known, unused] : config.datasets) names += (names.empty() ? "" : ", ") + known;
    throw Error(ErrorCode::not_found, "there is no [dataset." + name + "] in the pipeline",
                names.empty() ? "the pipeline has no datasets" : "--dataset takes one of: " + names);
  }
  if (!config.tokenizer) {
    throw Error(ErrorCode::invalid_config, "the pipeline has no [tokenizer] table",
                "add one, for example type = \"byte\"");
  }
  Opened opened{host.make<Tokenizer>(*config.tokenizer), host.make<Dataset>(*table)};
  const DatasetPass pass = name == "train" ? DatasetPass::endless : DatasetPass::once;
  opened.dataset->open({opened.tokenizer, pass, 0, 1});
  return opened;
}

// A token's text, made printable.
std::string shown(const Tokenizer& tokenizer, TokenId id) {
  const std::string quoted = json_quoted(tokenizer.token_bytes(id));
  return quoted.substr(1, quoted.size() - 2);
}

Table row_json(const TokenBatch& batch, std::int64_t row, const Tokenizer& tokenizer) {
  List tokens;
  List targets;
  List mask;
  List texts;
  for (std::int64_t i = row * batch.length; i < (row + 1) * batch.length; ++i) {
    const auto at = static_cast<std::size_t>(i);
    tokens.push_back({std::int64_t{batch.inputs[at]}, {}});
    targets.push_back({std::int64_t{batch.targets[at]}, {}});
    mask.push_back({std::int64_t{batch.mask[at] > 0 ? 1 : 0}, {}});
    texts.push_back({tokenizer.token_bytes(batch.inputs[at]), {}});
  }
  Table table;
  table.set("tokens", {std::move(tokens), {}});
  table.set("targets", {std::move(targets), {}});
  table.set("mask", {std::move(mask), {}});
  table.set("texts", {std::move(texts), {}});
  return table;
}

void print_row(const TokenBatch& batch, std::int64_t row, const Tokenizer& tokenizer) {
  std::cout << std::right << std::setw(6) << "id"
            << "  " << std::left << std::setw(14) << "token" << std::right << std::setw(6) << "target"
            << "  " << std::left << std::setw(14) << "text"
            << "loss\n";
  for (std::int64_t i = row * batch.length; i < (row + 1) * batch.length; ++i) {
    const auto at = static_cast<std::size_t>(i);
    std::cout << std::right << std::setw(6) << batch.inputs[at] << "  " << std::left << std::setw(14)
              << shown(tokenizer, batch.inputs[at]) << std::right << std::setw(6) << batch.targets[at] << "  "
              << std::left << std::setw(14) << shown(tokenizer, batch.targets[at]) << batch.mask[at] << "\n";
  }
}

}  // namespace

int inspect_data(const Invocation& invocation) {
  Session session(invocation.home);
  Diagnostics diagnostics;
  const auto config = session.load(invocation.words.front(), invocation.list("set"), diagnostics);
  report(diagnostics);
  if (!config) return 2;
  RunHost host = session.make_host();
  const Opened opened = open_dataset(*config, invocation.text("dataset"), host);
  const std::int64_t wanted = invocation.values["rows"].as<int>();
  List rows;
  std::int64_t shown_rows = 0;
  TokenBatch batch;
  while (shown_rows < wanted && opened.dataset->next(batch)) {
    for (std::int64_t row = 0; row < batch.num_rows && shown_rows < wanted; ++row, ++shown_rows) {
      if (invocation.has("json")) {
        rows.push_back({row_json(batch, row, *opened.tokenizer), {}});
        continue;
      }
      std::cout << "row " << row << " of the batch at " << batch.first.where << "\n";
      print_row(batch, row, *opened.tokenizer);
    }
  }
  if (invocation.has("json")) std::cout << json_text(Value{std::move(rows), {}});
  return 0;
}

}  // namespace easylm::app
