// Every record that was measured as one line on standard output, for terminals, pipes and logs of a cluster.
#include <cstdint>
#include <cstdio>
#include <string>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tracker.h"

namespace {

using namespace easylm;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

class Stdout final : public Tracker {
 public:
  struct Config {
    std::int64_t every_steps = 1;

    static void describe(Schema<Config>& s) {
      s.field("every_steps", &Config::every_steps, "only steps that this divides get a line")
          .at_least(1)
          .unit("steps");
    }
  };

  Stdout(Host& /*host*/, const Config& config) : config_(config) {}

  void open(const TrackerOptions& options) override { run_name_ = options.run_name; }

  void log(const MetricRecord& record) override {
    if (record.step % config_.every_steps != 0) return;
    std::string line = run_name_ + " " + std::string(record.stage) + " step=" + std::to_string(record.step) +
                       " tokens=" + std::to_string(record.tokens);
    for (const Metric& metric : record.metrics) {
      line += " " + std::string(metric.name) + "=" + number(metric.value);
    }
    line += "\n";
    const bool written = std::fputs(line.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    if (!written) throw Error(ErrorCode::io, "standard output takes no more", "is the pipe's reader gone?");
  }

  void close() override {}

 private:
  Config config_;
  std::string run_name_;
};

}  // namespace

EASYLM_PLUGIN("example-tracker-stdout", "1.0.0") {
  registrar.component<Stdout>("stdout", "A compact line for each record on standard output.");
}
