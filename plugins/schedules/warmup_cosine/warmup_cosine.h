// A linear rise to the peak, then half a cosine down to the end: optax.warmup_cosine_decay_schedule, number
// for number.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "easylm/error.h"
#include "easylm/host.h"
#include "easylm/schedule.h"
#include "easylm/schema.h"

namespace easylm::schedules {

class WarmupCosine final : public Schedule {
 public:
  struct Config {
    double initial = 0;
    double peak = 0;
    double end = 0;
    std::int64_t warmup_steps = 0;
    std::optional<std::int64_t> total_steps = {};

    static void describe(Schema<Config>& s) {
      s.field("peak", &Config::peak, "highest learning rate").at_least(0).required();
      s.field("initial", &Config::initial, "rate at step 0, if there is a warmup").at_least(0);
      s.field("end", &Config::end, "rate at total_steps and after").at_least(0);
      s.field("warmup_steps", &Config::warmup_steps, "length of the linear rise").at_least(0).unit("steps");
      s.field("total_steps", &Config::total_steps,
              "where the cosine ends, warmup included; absent: at the end of the run")
          .at_least(1)
          .unit("steps");
      s.require(
          "warmup_steps < total_steps", "warmup_steps",
          "warmup_steps = {warmup_steps} leaves no step for the decay, since total_steps = {total_steps}",
          "lower warmup_steps or raise total_steps");
    }
  };

  WarmupCosine(Host& /*host*/, const Config& config)
      : config_(config), total_steps_(config.total_steps.value_or(0)) {}

  void plan(std::int64_t total_steps) override {
    if (config_.total_steps) return;
    if (config_.warmup_steps >= total_steps) {
      throw Error(ErrorCode::invalid_config,
                  "schedule warmup_cosine: warmup_steps = " + std::to_string(config_.warmup_steps) +
                      " leaves no step for the decay in a run of " + std::to_string(total_steps) + " steps",
                  "lower warmup_steps, or set the schedule's total_steps");
    }
    total_steps_ = total_steps;
  }

  double at(std::int64_t step) const override {
    EASYLM_CHECK(total_steps_ > 0, "schedule warmup_cosine was asked for a rate before plan()");
    const Config& c = config_;
    if (step < c.warmup_steps) {
      return c.initial +
             (c.peak - c.initial) * static_cast<double>(step) / static_cast<double>(c.warmup_steps);
    }
    const std::int64_t decay_steps = total_steps_ - c.warmup_steps;
    const double progress =
        static_cast<double>(std::min(step - c.warmup_steps, decay_steps)) / static_cast<double>(decay_steps);
    return c.end + (c.peak - c.end) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
  }

 private:
  Config config_;
  std::int64_t total_steps_;
};

}  // namespace easylm::schedules
