// What one element of a parameter sees at one update of an optimizer.
#pragma once

#include <cstdint>

namespace easylm {

// Since API 1.1.
struct ElementUpdate {
  double gradient = 0;  // already scaled
  double learning_rate = 0;
  std::int64_t step = 0;  // number of this update, from 0
  bool decay = true;      // as Parameter::decay
};

}  // namespace easylm
