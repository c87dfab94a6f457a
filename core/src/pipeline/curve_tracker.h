// Hands a run's metrics to the registry, beside the trackers that the pipeline names.
#pragma once

#include <string>
#include <utility>

#include "easylm/tracker.h"
#include "registry/registry.h"

namespace easylm {

// Only keeps what it is given; the registry writes it with the next version, and at the end of a stage.
class CurveTracker final : public Tracker {
 public:
  // `registry` outlives every call of log().
  CurveTracker(Registry& registry, std::string run) : registry_(registry), run_(std::move(run)) {}

  void open(const TrackerOptions& /*options*/) override {}
  void log(const MetricRecord& record) override { registry_.record(run_, record); }
  void close() override {}

 private:
  Registry& registry_;
  std::string run_;
};

}  // namespace easylm
