// Learning rate as a function of the step.
#pragma once

#include <cstdint>
#include <string_view>

#include "easylm/component.h"

namespace easylm {

class EASYLM_API Schedule : public Component {
 public:
  static constexpr std::string_view kKind = "schedule";
  static constexpr std::string_view kInterface = "easylm.schedule/1";
  ~Schedule() override;

  // The rate for update number `step`, counted from 0. Pure once planned. REQUIRES: step >= 0. [any-thread]
  virtual double at(std::int64_t step) const = 0;

  // (optional) Says how many updates the whole run makes, for schedules whose end was not configured. Throws
  // Error{invalid_config} if the schedule does not fit into so few. Called once, before the first at().
  // REQUIRES: total_steps > 0. Default: ignored. [setup]
  virtual void plan(std::int64_t total_steps);
};

}  // namespace easylm
