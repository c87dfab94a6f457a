// Metrics out: to a file, a dashboard, a database.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "easylm/component.h"

namespace easylm {

// The names that the progress line and dashboards know: loss, accuracy, learning_rate, gradient_norm,
// parameter_norm, tokens_per_second, peak_memory_bytes, validation_loss, validation_accuracy. Any other is
// fine too.
struct Metric {
  std::string_view name;
  double value = 0;
};

// What was measured at one step. Views are valid during the call.
struct MetricRecord {
  std::string_view stage;  // the stage's name
  std::int64_t step = 0;
  std::int64_t tokens = 0;  // seen in training so far
  double time = 0;          // seconds since the Unix epoch
  std::span<const Metric> metrics;
};

struct TrackerOptions {
  std::string run_name;
  std::filesystem::path folder;  // of this run; exists
  std::string resolved_config;   // TOML
};

// Called by one thread at a time. A tracker that fails throws; the host logs it once and stops calling it.
class EASYLM_API Tracker : public Component {
 public:
  static constexpr std::string_view kKind = "tracker";
  static constexpr std::string_view kInterface = "easylm.tracker/1";
  ~Tracker() override;

  virtual void open(const TrackerOptions& options) = 0;  // [setup] once
  virtual void log(const MetricRecord& record) = 0;      // [train-loop]
  virtual void close() = 0;                              // everything is on disk or sent when it returns
};

}  // namespace easylm
