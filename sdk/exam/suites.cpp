// The suites of easylm-exam.
#include "suites.h"

#include <array>

namespace easylm::exam {

std::span<const Suite> suites() {
  static const std::array all{schedule_suite()};
  return all;
}

}  // namespace easylm::exam
