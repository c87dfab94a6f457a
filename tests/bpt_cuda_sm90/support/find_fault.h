// What is wrong with the forward kernel for sm_90a, emulated.
#pragma once

#include <string>

#include "bpt_cuda/support/problem.h"

namespace easylm::bpt_cuda_test {

// Compares with the oracle and between schedules; what the emulation itself finds is told, too. Empty:
// nothing.
std::string find_fault_sm90(const Case& example, Schedules schedules);

}  // namespace easylm::bpt_cuda_test
