// Shuffles, votes and barriers.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "kernels.h"

namespace easylm::emulation_test {
namespace {

TEST(CudaEmulation, SumsRowsInEveryOrder) {
  std::vector<float> rows(3 * 200);
  std::iota(rows.begin(), rows.end(), 0.0F);
  using emulation::WarpOrder;
  for (const WarpOrder order :
       {WarpOrder::ascending, WarpOrder::descending, WarpOrder::alternating, WarpOrder::shuffled}) {
    CUstream_st stream{{order, emulation::Copies::late}};
    std::vector<float> sums(3);
    sum_rows({rows.data(), 3, 200}, sums.data(), &stream);
    EXPECT_EQ(sums, (std::vector<float>{19900.0F, 59900.0F, 99900.0F}));
  }
}

}  // namespace
}  // namespace easylm::emulation_test
