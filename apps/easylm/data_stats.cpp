// data stats: one pass over a dataset, measured.
#include <algorithm>
#include <bit>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "easylm/json.h"
#include "observe/format.h"
#include "open_dataset.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

struct Pass {
  std::int64_t batches = 0, rows = 0, places = 0, trained = 0;
  std::int64_t tokens_per_batch = 0;
  double seconds = 0;
  std::optional<DatasetCounts> counts;
};

Pass measure(const OpenedDataset& opened) {
  Pass pass;
  const auto started = std::chrono::steady_clock::now();
  TokenBatch batch;
  while (opened.dataset->next(batch)) {
    ++pass.batches;
    pass.rows += batch.num_rows;
    pass.places += batch.num_rows * batch.length;
    pass.trained += std::ranges::count_if(batch.mask, [](float weight) { return weight > 0; });
  }
  pass.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  pass.tokens_per_batch = opened.dataset->tokens_per_batch();
  if (opened.counter() != nullptr) pass.counts = opened.counter()->counts();
  return pass;
}

// Lengths from 2^k to 2^(k+1) - 1.
struct Bucket {
  std::int64_t from = 0, to = 0, documents = 0;
};

struct LengthSummary {
  std::int64_t minimum = 0, median = 0, p90 = 0, maximum = 0;
  std::vector<Bucket> histogram;
};

// The smallest length that at least `share` of the documents don't exceed.
std::int64_t percentile(const DatasetCounts& counts, double share) {
  std::int64_t seen = 0;
  for (const LengthCount& entry : counts.lengths) {
    seen += entry.documents;
    if (static_cast<double>(seen) >= share * static_cast<double>(counts.documents)) return entry.length;
  }
  return 0;
}

LengthSummary summarise(const DatasetCounts& counts) {
  LengthSummary summary;
  if (counts.lengths.empty()) return summary;
  summary.minimum = counts.lengths.front().length;
  summary.median = percentile(counts, 0.5);
  summary.p90 = percentile(counts, 0.9);
  summary.maximum = counts.lengths.back().length;
  for (const LengthCount& entry : counts.lengths) {
    const auto from = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(entry.length)));
    if (summary.histogram.empty() || summary.histogram.back().from != from) {
      summary.histogram.push_back({from, std::max(from, 2 * from - 1), 0});
    }
    summary.histogram.back().documents += entry.documents;
  }
  return summary;
}

struct Epochs {
  std::string stage;
  std::int64_t steps = 0;
  double epochs = 0;
};

// What stages that are given `dataset` and count steps make of one pass of it.
std::vector<Epochs> epochs_of(const PipelineConfig& config, const std::string& dataset, const Pass& pass) {
  std::vector<Epochs> all;
  for (const StageConfig& stage : config.stages) {
    const bool is_given = std::ranges::any_of(stage.inputs, [&](const InputSource& input) {
      return input.port == "dataset.train" && input.table == "dataset." + dataset;
    });
    const Value* steps = stage.table.find("steps");
    if (!is_given || steps == nullptr || steps->as<std::int64_t>() == nullptr || pass.batches == 0) continue;
    const Value* accumulate = stage.table.find("accumulate_gradient_steps");
    const std::int64_t batches_per_step = accumulate != nullptr && accumulate->as<std::int64_t>() != nullptr
                                              ? *accumulate->as<std::int64_t>()
                                              : 1;
    const std::int64_t count = *steps->as<std::int64_t>();
    all.push_back({stage.name, count,
                   static_cast<double>(count) * static_cast<double>(batches_per_step) /
                       static_cast<double>(pass.batches)});
  }
  return all;
}

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void add_counts(const DatasetCounts& counts, double seconds, Table& table) {
  const LengthSummary lengths = summarise(counts);
  table.set("documents", {counts.documents, {}});
  table.set("tokens", {counts.tokens, {}});
  Table summary;
  summary.set("min", {lengths.minimum, {}});
  summary.set("median", {lengths.median, {}});
  summary.set("p90", {lengths.p90, {}});
  summary.set("max", {lengths.maximum, {}});
  List histogram;
  for (const Bucket& bucket : lengths.histogram) {
    Table row;
    row.set("from", {bucket.from, {}});
    row.set("to", {bucket.to, {}});
    row.set("documents", {bucket.documents, {}});
    histogram.push_back({std::move(row), {}});
  }
  summary.set("histogram", {std::move(histogram), {}});
  table.set("lengths", {std::move(summary), {}});
  table.set("cut", {counts.cut, {}});
  table.set("dropped", {counts.dropped, {}});
  table.set("bad", {counts.bad, {}});
  table.set("padding", {counts.padding, {}});
  table.set("padding_share", {share(counts.padding, counts.places), {}});
  table.set("tokens_per_second", {static_cast<double>(counts.tokens) / seconds, {}});
}

std::string stats_json(const Pass& pass, const std::vector<Epochs>& epochs) {
  Table table;
  if (pass.counts) add_counts(*pass.counts, pass.seconds, table);
  table.set("batches", {pass.batches, {}});
  table.set("rows", {pass.rows, {}});
  table.set("places", {pass.places, {}});
  table.set("trained", {pass.trained, {}});
  table.set("trained_share", {share(pass.trained, pass.places), {}});
  table.set("seconds", {pass.seconds, {}});
  Table by_stage;
  for (const Epochs& entry : epochs) by_stage.set(entry.stage, {entry.epochs, {}});
  table.set("epochs", {std::move(by_stage), {}});
  return json_text(table);
}

std::ostream& label(const char* text) { return std::cout << std::left << std::setw(12) << text; }

std::string percent(double x) { return format_number(100 * x, 3) + " %"; }

void print_lengths(const DatasetCounts& counts) {
  constexpr double kColumns = 40;
  const LengthSummary lengths = summarise(counts);
  label("lengths") << lengths.minimum << " to " << lengths.maximum << " tokens, median " << lengths.median
                   << ", p90 " << lengths.p90 << "\n";
  std::int64_t most = 1;
  for (const Bucket& bucket : lengths.histogram) most = std::max(most, bucket.documents);
  for (const Bucket& bucket : lengths.histogram) {
    const auto width = static_cast<std::size_t>(kColumns * share(bucket.documents, most));
    std::cout << std::right << std::setw(20)
              << std::to_string(bucket.from) + " – " + std::to_string(bucket.to) << std::setw(10)
              << bucket.documents << "  " << std::string(width, '#') << "\n";
  }
}

void print_stats(const Pass& pass, const std::vector<Epochs>& epochs) {
  if (pass.counts) {
    const DatasetCounts& counts = *pass.counts;
    label("documents") << counts.documents << ", " << counts.tokens << " tokens\n";
    print_lengths(counts);
    label("left out") << counts.bad << " bad examples, " << counts.dropped << " documents dropped\n";
    label("cut") << counts.cut << " documents\n";
  }
  label("one pass") << pass.rows << " rows in " << pass.batches << " batches of " << pass.tokens_per_batch
                    << " tokens\n";
  label("with loss") << percent(share(pass.trained, pass.places)) << " of " << pass.places << " targets\n";
  if (pass.counts) {
    label("padding") << percent(share(pass.counts->padding, pass.counts->places)) << "\n";
    label("speed") << format_count(static_cast<double>(pass.counts->tokens) / pass.seconds)
                   << " tokens a second\n";
  }
  for (const Epochs& entry : epochs) {
    label("epochs") << format_number(entry.epochs, 3) << " in the " << entry.steps << " steps of stage "
                    << entry.stage << "\n";
  }
}

}  // namespace

int show_data_stats(const Invocation& invocation) {
  Session session(invocation.home);
  Diagnostics diagnostics;
  const auto config = session.load(invocation.words.front(), invocation.list("set"), diagnostics);
  report(diagnostics);
  if (!config) return 2;
  RunHost host = session.make_host();
  const std::string name = invocation.text("dataset");
  const Pass pass = measure(open_dataset(*config, name, DatasetPass::once, host));
  const std::vector<Epochs> epochs = epochs_of(*config, name, pass);
  if (invocation.has("json")) {
    std::cout << stats_json(pass, epochs);
  } else {
    print_stats(pass, epochs);
  }
  return 0;
}

}  // namespace easylm::app
