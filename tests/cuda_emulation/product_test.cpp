// A whole kernel under every schedule, and the same kernel with something left out.
#include <cmath>
#include <cstdint>
#include <vector>

#include "harness.h"
#include "kernels.h"

namespace easylm::emulation_test {
namespace {

constexpr int kRows = 45;
constexpr int kColumns = 64;
constexpr int kInner = 96;

struct Problem {
  std::vector<std::uint16_t> a, b;
  std::vector<float> expected;
};

// Small integers: sums are exact in any order.
Problem make_problem() {
  Problem problem;
  problem.expected.resize(kRows * kColumns);
  const auto a = [](int i, int k) { return static_cast<float>((i * 7 + k * 3) % 9 - 4); };
  const auto b = [](int k, int j) { return static_cast<float>((k * 5 + j * 11) % 7 - 3); };
  for (int i = 0; i < kRows * kInner; ++i)
    problem.a.push_back(__float2bfloat16_rn(a(i / kInner, i % kInner)).bits);
  for (int i = 0; i < kInner * kColumns; ++i)
    problem.b.push_back(__float2bfloat16_rn(b(i / kColumns, i % kColumns)).bits);
  for (int i = 0; i < kRows * kColumns; ++i) {
    for (int k = 0; k < kInner; ++k) problem.expected[i] += a(i / kColumns, k) * b(k, i % kColumns);
  }
  return problem;
}

// In how many of the schedules the kernel was right.
int num_right(Omission omission) {
  const Problem problem = make_problem();
  int right = 0;
  for_every_schedule([&](CUstream_st* stream) {
    std::vector<float> c(kRows * kColumns, NAN);
    multiply({problem.a.data(), problem.b.data(), c.data(), kRows, kColumns, kInner}, omission, stream);
    right += c == problem.expected ? 1 : 0;
  });
  return right;
}

TEST(Product, IsRightUnderEverySchedule) { EXPECT_EQ(num_right(Omission::nothing), 8); }

TEST(Product, ShowsAMissingWait) {
  EXPECT_EQ(num_right(Omission::wait_for_copies), 4);
}  // right with early copies

TEST(Product, ShowsAMissingBarrierBeforeUse) { EXPECT_LT(num_right(Omission::barrier_before_use), 8); }

// With two buffers and the other barrier this one is not needed.
TEST(Product, IsRightWithoutTheBarrierThatTwoBuffersSave) {
  EXPECT_EQ(num_right(Omission::barrier_after_use), 8);
}

}  // namespace
}  // namespace easylm::emulation_test
