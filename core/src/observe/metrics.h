// Metrics to every tracker of the run. A tracker that fails is dropped; it never ends the run.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/tracker.h"
#include "observe/log.h"

namespace easylm {

// All methods: [any-thread]; the trackers are called by one thread at a time.
class EASYLM_API Metrics {
 public:
  // REQUIRES: `log` outlives it.
  explicit Metrics(Log& log);
  ~Metrics();  // closes
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Opens `tracker` and sends it everything from now on. `name` names it in messages.
  void add(std::string name, std::shared_ptr<Tracker> tracker, const TrackerOptions& options);

  void log(const MetricRecord& record);

  // Everything is on disk or sent when it returns. Later records go nowhere.
  void close();

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<Tracker> tracker;
  };
  // Whether `call` went well; else the failure is in the log.
  template <typename Call>
  bool survives(const Entry& entry, Call&& call);

  Log& log_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace easylm
