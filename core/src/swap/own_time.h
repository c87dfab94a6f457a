// A process's own time, when it shares a machine in turns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// When a process ran: seconds since the Unix epoch, as metrics have them.
struct Slice {
  double begin = 0, end = 0;
};

// How long it had run by `time`. REQUIRES: the slices are in order.
EASYLM_API double own_seconds(std::span<const Slice> slices, double time);

struct LoggedStep {
  std::int64_t step = 0;
  std::int64_t tokens = 0;  // seen so far
  double seconds = 0;       // own, since the first logged step
  double loss = 0;
};

// What a stage logged on its way.
struct OwnCurve {
  double startup_seconds = 0;             // own, until the first logged step
  std::vector<LoggedStep> steps;          // with a loss
  std::optional<double> validation_loss;  // the last one
};

// Reads metrics.jsonl. Throws Error{corrupt}.
EASYLM_API OwnCurve own_curve(std::string_view jsonl, std::string_view stage, std::span<const Slice> slices);

// The mean of the last tenth of the losses (at least one) that were logged within `seconds`; NaN if none was.
EASYLM_API double settled_loss(std::span<const LoggedStep> steps, double seconds);

// The median over what was logged; NaN if there is too little of it.
EASYLM_API double tokens_per_second(std::span<const LoggedStep> steps);

}  // namespace easylm
