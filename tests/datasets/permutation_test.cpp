// The order of windows: a bijection that depends on its stream.
#include "data/permutation.h"

#include <gtest/gtest.h>

#include <vector>

namespace easylm {
namespace {

std::vector<std::int64_t> all_of(const Permutation& permutation, std::int64_t size) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < size; ++i) out.push_back(permutation(i));
  return out;
}

TEST(Permutation, IsABijectionForEverySize) {
  for (std::int64_t size = 1; size <= 300; ++size) {
    std::vector<int> seen(static_cast<std::size_t>(size), 0);
    for (const std::int64_t x : all_of(Permutation(size, {1, "test", 0}), size)) {
      ASSERT_GE(x, 0);
      ASSERT_LT(x, size);
      ASSERT_EQ(seen[static_cast<std::size_t>(x)]++, 0) << x << " came twice of " << size;
    }
  }
}

TEST(Permutation, DependsOnItsStreamAlone) {
  const auto order = all_of(Permutation(1000, {1, "test", 0}), 1000);
  EXPECT_EQ(order, all_of(Permutation(1000, {1, "test", 0}), 1000));
  EXPECT_NE(order, all_of(Permutation(1000, {1, "test", 1}), 1000));
  EXPECT_NE(order, all_of(Permutation(1000, {2, "test", 0}), 1000));
}

// A random permutation has one fixed point and 1/2 of its neighbours rising on average.
TEST(Permutation, LooksRandom) {
  const auto order = all_of(Permutation(10000, {1, "test", 0}), 10000);
  int fixed = 0;
  int rising = 0;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    fixed += order[i] == static_cast<std::int64_t>(i) ? 1 : 0;
    rising += order[i] < order[i + 1] ? 1 : 0;
  }
  EXPECT_LT(fixed, 10);
  EXPECT_NEAR(rising, 5000, 150);
}

TEST(Permutation, PutsEachThingAnywhereOverManyStreams) {
  std::vector<int> landed(64, 0);
  for (std::uint64_t index = 0; index < 4000; ++index) {
    const Permutation permutation(8, {1, "test", index});
    for (std::int64_t i = 0; i < 8; ++i) ++landed[static_cast<std::size_t>(8 * i + permutation(i))];
  }
  for (const int count : landed) EXPECT_NEAR(count, 500, 110);  // five standard deviations
}

// As it was when positions were first saved: another order would break every resume.
TEST(Permutation, NeverChanges) {
  EXPECT_EQ(all_of(Permutation(8, {42, "dataset.text.shuffle", 0}), 8),
            (std::vector<std::int64_t>{0, 1, 5, 3, 6, 2, 4, 7}));
}

}  // namespace
}  // namespace easylm
