// Succeeds if the checks find the fault that was planted in the kernel that this is linked to.
#include <cstdio>

#include "trial.h"

int main() {
  const std::string fault = easylm::bpt_cuda::find_fault();
  std::printf("%s\n", fault.empty() ? "nothing was found" : fault.c_str());
  return fault.empty() ? 1 : 0;
}
