// Looks for the fault that was planted in the kernel it is linked to: 0 if it found one.
#include <cstdio>
#include <exception>

#include "support/find_fault.h"

int main() {
  using namespace easylm::bpt_cuda_test;
  Case example;
  example.shape = {Element::kBf16, 128, 1, 500, 500, 1, 1};
  example.causal = false;
  try {
    const std::string found = find_fault_sm90(example, Schedules::kAll);
    std::puts(found.empty() ? "no fault was found" : found.c_str());
    return found.empty() ? 1 : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
