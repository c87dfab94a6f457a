// The peak for the warmup, then falling with the square root of the step: peak * sqrt(warmup_steps / step).
//
// EasyLM's palm optimizer asks for (lr / 0.01) / sqrt(max(step, warmup_steps)); that is this schedule with
// peak = (lr / 0.01) / sqrt(warmup_steps). Its defaults, lr 0.01 and warmup 10000, are peak = 0.01.
#pragma once

#include <cmath>
#include <optional>

#include "easylm/host.h"
#include "easylm/schedule.h"
#include "easylm/schema.h"

namespace easylm::schedules {

class InverseSqrt final : public Schedule {
 public:
  struct Config {
    double peak = 0;
    std::int64_t warmup_steps = 10000;
    std::optional<double> initial = {};

    static void describe(Schema<Config>& s) {
      s.field("peak", &Config::peak, "highest learning rate, until warmup_steps").at_least(0).required();
      s.field("warmup_steps", &Config::warmup_steps, "the step after which the rate falls")
          .at_least(1)
          .unit("steps");
      s.field("initial", &Config::initial,
              "rate at step 0, rising linearly to the peak; absent: the peak from the start, as palm does")
          .at_least(0);
    }
  };

  InverseSqrt(Host& /*host*/, const Config& config) : config_(config) {}

  double at(std::int64_t step) const override {
    const double position = static_cast<double>(step) / static_cast<double>(config_.warmup_steps);
    if (position >= 1) return config_.peak / std::sqrt(position);
    const double initial = config_.initial.value_or(config_.peak);
    return initial + (config_.peak - initial) * position;
  }

 private:
  Config config_;
};

}  // namespace easylm::schedules
