// The same learning rate at every step.
#pragma once

#include "easylm/host.h"
#include "easylm/schedule.h"
#include "easylm/schema.h"

namespace easylm::schedules {

class Constant final : public Schedule {
 public:
  struct Config {
    double value = 0;

    static void describe(Schema<Config>& s) {
      s.field("value", &Config::value, "the learning rate").at_least(0).required();
    }
  };

  Constant(Host& /*host*/, const Config& config) : value_(config.value) {}

  double at(std::int64_t /*step*/) const override { return value_; }

 private:
  double value_;
};

}  // namespace easylm::schedules
