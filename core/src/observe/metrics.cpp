// The fan-out of metrics, and the fence around each tracker.
#include "observe/metrics.h"

#include <array>
#include <utility>

namespace easylm {

Metrics::Metrics(Log& log) : log_(log) {}
Metrics::~Metrics() { close(); }

template <typename Call>
bool Metrics::survives(const Entry& entry, Call&& call) {
  std::string reason = "an exception that is not a std::exception";
  try {
    call(*entry.tracker);
    return true;
  } catch (const Error& e) {
    reason = e.message() + (e.hint().empty() ? "" : "; " + e.hint());
  } catch (const std::exception& e) {
    reason = e.what();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the reason above says it
  }
  const std::array<LogPair, 1> pairs{{{"tracker", std::string_view(entry.name)}}};
  log_.write(LogLevel::warning, "metrics", "a tracker failed and gets no more metrics: " + reason, pairs);
  return false;
}

void Metrics::add(std::string name, std::shared_ptr<Tracker> tracker, const TrackerOptions& options) {
  const std::lock_guard lock(mutex_);
  Entry entry{std::move(name), std::move(tracker)};
  if (survives(entry, [&](Tracker& t) { t.open(options); })) entries_.push_back(std::move(entry));
}

void Metrics::log(const MetricRecord& record) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) {
    return !survives(entry, [&](Tracker& tracker) { tracker.log(record); });
  });
}

void Metrics::close() {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_) {
    survives(entry, [](Tracker& tracker) { tracker.close(); });
  }
  entries_.clear();
}

}  // namespace easylm
