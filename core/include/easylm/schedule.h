// Learning rate as a function of the step.
#pragma once

#include <cstdint>

#include "easylm/component.h"

namespace easylm {

class EASYLM_API Schedule : public Component {
 public:
  static constexpr std::string_view kKind = "schedule";
  static constexpr std::string_view kInterface = "easylm.schedule/1";
  ~Schedule() override;

  // The rate for update number `step`, counted from 0. Pure. [any-thread]
  virtual double at(std::int64_t step) const = 0;
};

}  // namespace easylm
