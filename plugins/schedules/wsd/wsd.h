// Warmup, stable, decay: a linear rise, a long plateau, and a fall over the last steps.
#pragma once

#include <cmath>
#include <optional>
#include <string>

#include "easylm/error.h"
#include "easylm/host.h"
#include "easylm/schedule.h"
#include "easylm/schema.h"

namespace easylm::schedules {

class WarmupStableDecay final : public Schedule {
 public:
  struct Config {
    double initial = 0;
    double peak = 0;
    double end = 0;
    std::int64_t warmup_steps = 0;
    std::int64_t decay_steps = 0;
    std::string decay = "one_minus_sqrt";
    std::optional<std::int64_t> total_steps = {};

    static void describe(Schema<Config>& s) {
      s.field("peak", &Config::peak, "learning rate of the plateau").at_least(0).required();
      s.field("initial", &Config::initial, "rate at step 0, if there is a warmup").at_least(0);
      s.field("end", &Config::end, "rate at total_steps and after").at_least(0);
      s.field("warmup_steps", &Config::warmup_steps, "length of the linear rise").at_least(0).unit("steps");
      s.field("decay_steps", &Config::decay_steps, "length of the fall, often a tenth of the run")
          .at_least(1)
          .unit("steps")
          .required();
      s.field("decay", &Config::decay, "shape of the fall: straight, or 1 - sqrt(share of it that is done)")
          .one_of({"linear", "one_minus_sqrt"});
      s.field("total_steps", &Config::total_steps, "where the fall ends; absent: at the end of the run")
          .at_least(1)
          .unit("steps");
      s.require("warmup_steps + decay_steps <= total_steps", "decay_steps",
                "warmup_steps = {warmup_steps} and decay_steps = {decay_steps} do not fit into "
                "total_steps = {total_steps}",
                "lower one of them or raise total_steps");
    }
  };

  WarmupStableDecay(Host& /*host*/, const Config& config)
      : config_(config), total_steps_(config.total_steps.value_or(0)) {}

  void plan(std::int64_t total_steps) override {
    if (config_.total_steps) return;
    if (config_.warmup_steps > total_steps - config_.decay_steps) {
      throw Error(ErrorCode::invalid_config,
                  "schedule wsd: warmup_steps = " + std::to_string(config_.warmup_steps) +
                      " and decay_steps = " + std::to_string(config_.decay_steps) +
                      " do not fit into a run of " + std::to_string(total_steps) + " steps",
                  "lower one of them, or set the schedule's total_steps");
    }
    total_steps_ = total_steps;
  }

  double at(std::int64_t step) const override {
    EASYLM_CHECK(total_steps_ > 0, "schedule wsd was asked for a rate before plan()");
    const Config& c = config_;
    if (step < c.warmup_steps) {
      return c.initial +
             (c.peak - c.initial) * static_cast<double>(step) / static_cast<double>(c.warmup_steps);
    }
    const std::int64_t decayed = step - (total_steps_ - c.decay_steps);
    if (decayed <= 0) return c.peak;
    if (decayed >= c.decay_steps) return c.end;
    const double progress = static_cast<double>(decayed) / static_cast<double>(c.decay_steps);
    return c.end + (c.peak - c.end) * (1 - (c.decay == "linear" ? progress : std::sqrt(progress)));
  }

 private:
  Config config_;
  std::int64_t total_steps_;
};

}  // namespace easylm::schedules
