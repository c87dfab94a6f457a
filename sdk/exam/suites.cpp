// The suites of easylm-exam.
#include "suites.h"

#include <array>

namespace easylm::exam {

std::span<const Suite> suites() {
  static const std::array all{tokenizer_suite(), dataset_suite(), checkpoint_suite(),
                              schedule_suite(),  tracker_suite(), stage_suite()};
  return all;
}

}  // namespace easylm::exam
