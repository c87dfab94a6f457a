// The suites of easylm-exam-tensor.
#include "suites.h"

#include <ATen/Parallel.h>

#include <array>

namespace easylm::exam {

std::span<const Suite> suites() {
  static const std::array all = [] {
    at::set_num_threads(1);  // tests run beside each other, and are small
    return std::array{attention_suite(), model_suite(), optimizer_suite()};
  }();
  return all;
}

}  // namespace easylm::exam
