// A kernel with a fault that was planted in it, in a namespace of its own: the tests' means find it.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "trial.h"

namespace easylm::bpt_cuda {
namespace {

// What the tests look at, in little. Empty if nothing is found.
std::string found_wrong() {
  DecodeTrial trial;
  trial.shape.batch = 3;
  trial.shape.num_queries = 5;
  trial.shape.num_heads = 6;
  trial.shape.num_key_value_heads = 2;
  trial.lengths = {200, 17, 0};
  trial.window = 150;
  trial.num_splits = 2;
  try {
    for (const emulation::Schedule& schedule : all_schedules()) {
      const Difference difference = difference_to_formula(trial, decode_emulated(trial, schedule));
      if (difference.output > 1.0 / 128) return "outputs differ from the formula's";
      if (difference.lse > 2e-5) return "log-sum-exps differ from the formula's";
    }
  } catch (const emulation::Fault& fault) {
    return fault.what();
  }
  return {};
}

TEST(CudaDecodeFault, EASYLM_FAULT) {
  const std::string found = found_wrong();
  EXPECT_EQ(found.empty(), std::string_view(EASYLM_FAULT_NAME) == "none") << found;
}

}  // namespace
}  // namespace easylm::bpt_cuda
