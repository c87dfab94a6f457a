// Metrics as TensorBoard events in the run's folder: `tensorboard --logdir <home>`.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/tracker.h"
#include "event_bytes.h"

namespace easylm::trackers {

// Writes events.out.tfevents.<seconds>.<machine>.<process>.<number>, a new file each time it is opened.
class TensorboardTracker final : public Tracker {
 public:
  struct Config {
    static void describe(Schema<Config>& /*s*/) {}
  };

  TensorboardTracker(Host& /*host*/, const Config& /*config*/) {}

  void open(const TrackerOptions& options) override;
  void log(const MetricRecord& record) override;
  void close() override;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void append(std::string_view message);

  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Closer> file_;
};

// The curve that a metric belongs to, under the names that people's dashboards have by habit: of stage
// "train" train/loss, train/lr, train/grad_norm, val/loss, perf/tok_per_sec, mem/peak_gb (in 10^9 bytes); of
// any other stage <stage>/loss, …, <stage>/val/loss, …, so that two stages never share a curve. Unknown
// metrics: <stage>/<name>.
Scalar scalar_of(std::string_view stage, const Metric& metric);

}  // namespace easylm::trackers
