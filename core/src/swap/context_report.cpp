// The table, the JSON and the picture of the longest sequences.
#include "swap/context_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "easylm/chart.h"
#include "easylm/json.h"
#include "easylm/markdown_table.h"
#include "observe/format.h"

namespace easylm {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

std::string microseconds(double seconds) {
  return std::isfinite(seconds) ? format_number(seconds * 1e6, 3) : std::string();
}

double median(std::vector<double> values) {
  if (values.empty()) return kNothing;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

const Trial* longest_trial(const ContextOfVariant& variant) {
  const auto& trials = variant.search.trials;
  const auto found = std::ranges::find_if(trials, [&](const auto& trial) {
    return trial.first == variant.search.longest && trial.second.end == TrialEnd::fits;
  });
  return found == trials.end() ? nullptr : &found->second;
}

// To the first variant of all; none if nothing of it fits.
double ratio_of(const ContextFigures& figures, const ContextOfVariant& variant) {
  const std::int64_t first = figures.variants.front().search.longest;
  return first == 0 ? kNothing : static_cast<double>(variant.search.longest) / static_cast<double>(first);
}

// To the first variant that fits there.
double time_ratio_of(const ContextFigures& figures, const ContextOfVariant& variant) {
  const auto first = std::ranges::find_if(figures.variants, [](const auto& v) { return !v.common.empty(); });
  return first == figures.variants.end() ? kNothing : median(variant.common) / median(first->common);
}

std::string_view word_of(TrialEnd end) {
  switch (end) {
    case TrialEnd::fits:
      return "nothing";
    case TrialEnd::out_of_memory:
      return "memory";
    case TrialEnd::out_of_time:
      return "time";
    case TrialEnd::failed:
      return "failure";
  }
  return "nothing";
}

std::string failure_of(const ContextOfVariant& variant) {
  if (variant.search.beyond_end != TrialEnd::failed) return {};
  const std::string& text = variant.search.trials.back().second.failure;
  return std::to_string(variant.search.beyond) + " tokens: " + text.substr(0, text.find('\n'));
}

std::vector<std::string> row_of(const ContextFigures& figures, const ContextOfVariant& variant) {
  const Trial* longest = longest_trial(variant);
  return {variant.name,
          std::to_string(variant.search.longest),
          format_fixed(ratio_of(figures, variant), 2),
          std::string(word_of(variant.search.beyond_end)),
          variant.search.beyond == 0 ? "" : std::to_string(variant.search.beyond),
          longest == nullptr ? "" : format_bytes(static_cast<double>(longest->peak_bytes)),
          longest == nullptr ? "" : microseconds(longest->seconds_per_token),
          microseconds(median(variant.common)),
          format_fixed(time_ratio_of(figures, variant), 2),
          failure_of(variant)};
}

Value number(double x) { return {x, {}}; }

List list_of(const std::vector<double>& numbers) {
  List list;
  list.reserve(numbers.size());
  for (const double x : numbers) list.push_back(number(x));
  return list;
}

Table trial_json(std::int64_t length, const Trial& trial) {
  const bool fits = trial.end == TrialEnd::fits;
  Table table;
  table.set("tokens", {length, {}});
  table.set("fits", {fits, {}});
  if (!fits) table.set("ended_by", {std::string(word_of(trial.end)), {}});
  if (fits) table.set("peak_bytes", {trial.peak_bytes, {}});
  if (fits) table.set("seconds_per_token", number(trial.seconds_per_token));
  if (!trial.failure.empty()) table.set("failure", {trial.failure, {}});
  return table;
}

Table variant_json(const ContextFigures& figures, const ContextOfVariant& variant) {
  const Trial* longest = longest_trial(variant);
  List sets;
  sets.reserve(variant.sets.size());
  for (const std::string& set : variant.sets) sets.push_back({set, {}});
  List trials;
  trials.reserve(variant.search.trials.size());
  for (const auto& [length, trial] : variant.search.trials) trials.push_back({trial_json(length, trial), {}});
  Table table;
  table.set("name", {variant.name, {}});
  table.set("sets", {std::move(sets), {}});
  table.set("longest", {variant.search.longest, {}});
  table.set("ratio", number(ratio_of(figures, variant)));
  table.set("limited_by", {std::string(word_of(variant.search.beyond_end)), {}});
  table.set("beyond", {variant.search.beyond, {}});
  table.set("peak_bytes", longest == nullptr ? number(kNothing) : Value{longest->peak_bytes, {}});
  table.set("seconds_per_token", number(longest == nullptr ? kNothing : longest->seconds_per_token));
  table.set("seconds_per_token_at_common", number(median(variant.common)));
  table.set("common_rounds", {list_of(variant.common), {}});
  table.set("time_ratio", number(time_ratio_of(figures, variant)));
  table.set("trials", {std::move(trials), {}});
  return table;
}

}  // namespace

std::string context_table(const ContextFigures& figures) {
  const std::string at =
      figures.common_length > 0 ? std::to_string(figures.common_length) : "a common length";
  std::vector<std::vector<std::string>> rows = {{"variant", "longest (tokens)", "ratio", "limited by",
                                                 "does not fit", "peak memory", "µs/token there",
                                                 "µs/token at " + at, "time ratio", "failure"}};
  rows.reserve(figures.variants.size() + 1);
  for (const ContextOfVariant& variant : figures.variants) rows.push_back(row_of(figures, variant));
  std::vector<Column> columns(rows.front().size(), Column::numbers);
  columns[0] = columns[3] = columns.back() = Column::names;
  return "limit: " + std::to_string(figures.limit_bytes >> 20) + " MiB, enforced by " + figures.limit_name +
         "\n\n" + markdown_table(rows, columns);
}

std::string context_json(const ContextFigures& figures) {
  List variants;
  for (const ContextOfVariant& variant : figures.variants) {
    variants.push_back({variant_json(figures, variant), {}});
  }
  Table table;
  table.set("bench", {figures.id, {}});
  table.set("limit_bytes", {figures.limit_bytes, {}});
  table.set("enforced_by", {figures.limit_name, {}});
  table.set("common_length", {figures.common_length, {}});
  table.set("variants", {std::move(variants), {}});
  return json_text(table);
}

std::string context_svg(const ContextFigures& figures) {
  std::array<Chart, 2> panels{Chart{"peak memory in MB, one step", "tokens", {}, Axis::powers_of_two},
                              Chart{"microseconds a token", "tokens", {}, Axis::powers_of_two}};
  for (const ContextOfVariant& variant : figures.variants) {
    Series memory{variant.name, {}}, time{variant.name, {}};
    for (const auto& [length, trial] : variant.search.trials) {
      if (trial.end != TrialEnd::fits) continue;
      const auto x = static_cast<double>(length);
      memory.points.emplace_back(x, static_cast<double>(trial.peak_bytes) * 1e-6);
      time.points.emplace_back(x, trial.seconds_per_token * 1e6);
    }
    std::ranges::sort(memory.points);
    std::ranges::sort(time.points);
    panels[0].series.push_back(std::move(memory));
    panels[1].series.push_back(std::move(time));
  }
  return chart_svg(panels);
}

}  // namespace easylm
