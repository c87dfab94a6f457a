// Metrics as JSON lines in the run's folder: metrics.jsonl.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/tracker.h"

namespace easylm::trackers {

// One line a record: {"step","tokens", the metrics …,"time","stage"}. A number that JSON has no word for (not
// a number, infinite) is null. Lines are appended, and each is handed to the system at once, so that a crash
// loses none.
class JsonlTracker final : public Tracker {
 public:
  struct Config {
    static void describe(Schema<Config>& /*s*/) {}
  };

  JsonlTracker(Host& /*host*/, const Config& /*config*/) {}

  void open(const TrackerOptions& options) override;
  void log(const MetricRecord& record) override;
  void close() override;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Closer> file_;
};

// The line of a record, without its end. Throws Error{plugin} for a metric that is called like another key.
std::string json_line(const MetricRecord& record);

}  // namespace easylm::trackers
