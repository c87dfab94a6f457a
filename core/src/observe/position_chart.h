// Draws validation loss by position of all stages of a run into one picture.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "easylm/chart.h"
#include "easylm/export.h"
#include "easylm/tracker.h"

namespace easylm {

// Takes the metrics "validation_loss_from_P" (P: 0, 1, 2, 4, …) and leaves `loss_by_position.svg` in the
// run's folder, written anew with each record that has some; of a stage with several, the first and the
// newest are drawn.
class EASYLM_API PositionChart final : public Tracker {
 public:
  void open(const TrackerOptions& options) override { folder_ = options.folder; }
  void log(const MetricRecord& record) override;
  void close() override {}

 private:
  struct Curve {
    std::string stage;
    Series series;
  };
  void draw() const;

  std::filesystem::path folder_;
  std::vector<Curve> curves_;
};

}  // namespace easylm
