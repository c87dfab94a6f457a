// The progress line and when to show it.
#include "observe/progress.h"

#include <array>
#include <cmath>
#include <string_view>

#include "observe/format.h"

namespace easylm {
namespace {

constexpr std::chrono::milliseconds kRewriteInterval{100};
constexpr std::chrono::seconds kPlainInterval{10};

struct Shown {
  std::string_view metric;
  std::optional<double> ProgressFacts::*fact;
};
constexpr std::array<Shown, 6> kShown{{{"loss", &ProgressFacts::loss},
                                       {"validation_loss", &ProgressFacts::validation_loss},
                                       {"learning_rate", &ProgressFacts::learning_rate},
                                       {"gradient_norm", &ProgressFacts::gradient_norm},
                                       {"tokens_per_second", &ProgressFacts::tokens_per_second},
                                       {"peak_memory_bytes", &ProgressFacts::peak_memory_bytes}}};

}  // namespace

std::string format_progress(const ProgressFacts& facts) {
  std::string line = "step " + std::to_string(facts.done);
  if (facts.total > 0) line += "/" + std::to_string(facts.total);
  if (facts.loss) {
    line += " | loss " + format_number(*facts.loss, 3);
    line += " | ppl " + format_number(std::exp(*facts.loss), 3);
  }
  if (facts.validation_loss) line += " | val " + format_number(*facts.validation_loss, 3);
  if (facts.learning_rate) line += " | lr " + format_scientific(*facts.learning_rate);
  if (facts.gradient_norm) line += " | gnorm " + format_number(*facts.gradient_norm, 2);
  if (facts.tokens_per_second) line += " | " + format_count(*facts.tokens_per_second) + " tok/s";
  if (facts.peak_memory_bytes) line += " | mem " + format_bytes(*facts.peak_memory_bytes);
  if (facts.left) line += " | eta " + format_duration(*facts.left);
  return line;
}

Progress::Progress(Console& console) : console_(console) {}

void Progress::metrics(const MetricRecord& record) {
  const std::lock_guard lock(mutex_);
  for (const Metric& metric : record.metrics) {
    for (const Shown& shown : kShown) {
      if (metric.name != shown.metric) continue;
      facts_.*shown.fact = metric.value;
      is_stale_ = start_.has_value();
    }
  }
}

void Progress::update(std::int64_t done, std::int64_t total, Time now) {
  const std::lock_guard lock(mutex_);
  facts_.done = done;
  facts_.total = total;
  if (!start_) start_ = Start{done, now};
  // Measured from the first call, so that work done before a resume doesn't count.
  const std::int64_t steps = done - start_->done;
  if (total > 0 && steps > 0) {
    const std::chrono::duration<double> elapsed = now - start_->time;
    const double left = elapsed.count() / static_cast<double>(steps) * static_cast<double>(total - done);
    facts_.left = std::chrono::seconds(std::llround(left));
  }
  is_stale_ = true;
  const bool rewrites = console_.style().status_line == StatusLine::rewritten;
  const std::chrono::nanoseconds interval =
      rewrites ? std::chrono::nanoseconds(kRewriteInterval) : std::chrono::nanoseconds(kPlainInterval);
  if (shown_ && now - *shown_ < interval) return;
  shown_ = now;
  show();
}

void Progress::finish() {
  const std::lock_guard lock(mutex_);
  if (is_stale_) show();
  if (shown_) console_.finish_status();
  facts_ = {};
  start_.reset();
  shown_.reset();
}

void Progress::show() {
  console_.status(format_progress(facts_));
  is_stale_ = false;
}

}  // namespace easylm
