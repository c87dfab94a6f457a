// The growing key/value cache.
#include "easylm/tensor/kv_cache.h"

#include <gtest/gtest.h>

#include "easylm/error.h"

#include "easylm/tensor/aten.h"

namespace easylm {
namespace {

at::Tensor tokens(std::int64_t begin, std::int64_t count) {
  return aten::arange(begin, begin + count).to(at::kFloat).view({1, count, 1, 1}).expand({2, count, 3, 4});
}

TEST(KvCache, HoldsAllTokensInOrderAcrossGrowth) {
  GrowingKvCache cache(2);
  EXPECT_EQ(cache.length(), 0);
  std::int64_t total = 0;
  for (const std::int64_t count : {5, 1, 1, 90, 1, 300}) {
    for (std::int64_t layer = 0; layer < 2; ++layer) {
      EXPECT_EQ(cache.length(), total);  // until the last layer has the new tokens
      const KvView::Extended all = cache.extend(layer, tokens(total, count), tokens(-total, count));
      EXPECT_TRUE(aten::equal(all.k_BSKH, tokens(0, total + count)));
      EXPECT_EQ(all.v_BSKH.size(1), total + count);
    }
    total += count;
  }
  EXPECT_EQ(cache.length(), total);
}

TEST(KvCache, GoesBack) {
  GrowingKvCache cache(1);
  cache.extend(0, tokens(0, 10), tokens(0, 10));
  cache.rewind(4);
  EXPECT_EQ(cache.length(), 4);
  const KvView::Extended all = cache.extend(0, tokens(4, 2), tokens(4, 2));
  EXPECT_TRUE(aten::equal(all.v_BSKH, tokens(0, 6)));
  EXPECT_THROW(cache.rewind(7), Error);
}

TEST(KvCache, ForgetsWhatAFailedPassLeft) {
  GrowingKvCache cache(2);
  cache.extend(0, tokens(0, 3), tokens(0, 3));  // layer 1 never came
  EXPECT_EQ(cache.length(), 0);
  cache.rewind(0);
  EXPECT_EQ(cache.extend(0, tokens(0, 2), tokens(0, 2)).k_BSKH.size(1), 2);
}

TEST(KvCache, RefusesAnotherBatchSize) {
  GrowingKvCache cache(1);
  cache.extend(0, tokens(0, 3), tokens(0, 3));
  EXPECT_THROW(cache.extend(0, tokens(3, 1).narrow(0, 0, 1), tokens(3, 1).narrow(0, 0, 1)), Error);
}

}  // namespace
}  // namespace easylm
