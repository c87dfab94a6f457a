// The suites of easylm-exam-tensor.
#include "suites.h"

#include <array>

namespace easylm::exam {

std::span<const Suite> suites() {
  static const std::array all{optimizer_suite()};
  return all;
}

}  // namespace easylm::exam
