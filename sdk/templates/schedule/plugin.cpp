// The learning rate falls in a straight line from `peak` to nothing. Replace at() by your own.
#include <algorithm>

#include "easylm/schedule.h"
#include "easylm/sdk/plugin.h"
using namespace easylm;

struct @Name@ : Schedule {
  struct Config {
    double peak = 1e-3;
    static void describe(Schema<Config>& s) {
      s.field("peak", &Config::peak, "the rate of the first step").above(0);
    }
  };
  @Name@(Host&, const Config& config) : peak_(config.peak) {}

  void plan(std::int64_t total_steps) override { total_ = static_cast<double>(total_steps); }
  double at(std::int64_t step) const override {
    return peak_ * std::max(0.0, 1 - static_cast<double>(step) / total_);
  }

  double peak_, total_ = 1000;
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "Falls in a straight line to nothing."); }
