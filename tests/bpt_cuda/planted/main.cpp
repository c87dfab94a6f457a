// Succeeds if the checks of the kernels find the fault that was planted into these.
#include <cstdio>

#include "support/problem.h"

int main() {
  easylm::bpt_cuda_test::Case example;
  example.shape = {easylm::bpt_cuda::Element::kBf16, 64, 1, 200, 200, 1, 1};
  const std::string fault = find_fault(example, easylm::bpt_cuda_test::Schedules::kAll);
  std::printf("%s", fault.empty() ? "nothing was found\n" : fault.c_str());
  return fault.empty() ? 1 : 0;
}
