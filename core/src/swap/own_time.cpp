// Maps times to own times, and sums up curves.
#include "swap/own_time.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "easylm/json.h"

namespace easylm {
namespace {

// Times are logged in milliseconds: over spans of this length their rounding is a few percent of a rate.
constexpr double kShortestSpanSeconds = 0.05;

std::optional<double> number_of(const Table& record, std::string_view key) {
  const Value* value = record.find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* integer = value->as<std::int64_t>()) return static_cast<double>(*integer);
  const auto* real = value->as<double>();
  return real == nullptr ? std::nullopt : std::optional(*real);
}

// Metrics say no more.
double whole_milliseconds(double seconds) { return std::round(seconds * 1000) / 1000; }

void take_record(const Table& record, double seconds, OwnCurve& curve) {
  if (const auto validation = number_of(record, "validation_loss")) curve.validation_loss = validation;
  const auto loss = number_of(record, "loss");
  if (!loss) return;
  if (curve.steps.empty()) curve.startup_seconds = seconds;
  curve.steps.push_back({static_cast<std::int64_t>(number_of(record, "step").value_or(0)),
                         static_cast<std::int64_t>(number_of(record, "tokens").value_or(0)),
                         whole_milliseconds(seconds - curve.startup_seconds), *loss});
}

}  // namespace

double own_seconds(std::span<const Slice> slices, double time) {
  double sum = 0;
  for (const Slice& slice : slices) sum += std::clamp(time - slice.begin, 0.0, slice.end - slice.begin);
  return sum;
}

OwnCurve own_curve(std::string_view jsonl, std::string_view stage, std::span<const Slice> slices) {
  OwnCurve curve;
  while (!jsonl.empty()) {
    const std::size_t end = std::min(jsonl.find('\n'), jsonl.size() - 1);
    const Table record = parse_json_object(jsonl.substr(0, end + 1), "metrics.jsonl");
    jsonl.remove_prefix(end + 1);
    const Value* of = record.find("stage");
    const auto* name = of == nullptr ? nullptr : of->as<std::string>();
    const auto time = number_of(record, "time");
    if (name != nullptr && *name == stage && time) take_record(record, own_seconds(slices, *time), curve);
  }
  return curve;
}

double settled_loss(std::span<const LoggedStep> steps, double seconds) {
  const auto end =
      std::ranges::find_if(steps, [&](const LoggedStep& step) { return step.seconds > seconds; });
  const auto reached = steps.first(static_cast<std::size_t>(end - steps.begin()));
  if (reached.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto last = reached.last(std::max<std::size_t>(1, reached.size() / 10));
  double sum = 0;
  for (const LoggedStep& step : last) sum += step.loss;
  return sum / static_cast<double>(last.size());
}

double tokens_per_second(std::span<const LoggedStep> steps) {
  std::vector<double> rates;
  for (std::size_t from = 0, to = 1; to < steps.size(); ++to) {
    const double seconds = steps[to].seconds - steps[from].seconds;
    if (seconds < kShortestSpanSeconds) continue;
    rates.push_back(static_cast<double>(steps[to].tokens - steps[from].tokens) / seconds);
    from = to;
  }
  if (rates.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2);
  std::ranges::nth_element(rates, middle);
  return *middle;
}

}  // namespace easylm
