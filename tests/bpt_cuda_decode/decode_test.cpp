// Decoding on CUDA, run by the emulation: against the formula in fp64, and the same bits however warps and
// copies are scheduled.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cuda_emulation/emulation/half.h"
#include "trial.h"

namespace easylm::bpt_cuda {
namespace {

// An output is rounded once to 8 or 11 bits, as are the weights that it is a mean by.
constexpr double kBf16 = 1.0 / 128, kFp16 = 1.0 / 1024, kLse = 2e-5;

void expect_exact(const DecodeTrial& trial) {
  SCOPED_TRACE(name_of(trial));
  const Decoded found = decode_emulated(trial, {});
  const Difference difference = difference_to_formula(trial, found);
  EXPECT_LT(difference.output, trial.shape.element == Element::kBf16 ? kBf16 : kFp16);
  EXPECT_LT(difference.lse, kLse * trial.loudness);
}

DecodeTrial with_lengths(std::vector<int> lengths) {
  DecodeTrial trial;
  trial.shape.batch = static_cast<int>(lengths.size());
  trial.lengths = std::move(lengths);
  return trial;
}

const std::vector<int> kLengths{0, 1, 15, 16, 17, 63, 64, 65, 300};

TEST(CudaDecode, FollowsTheFormulaForEveryLengthAndSplit) {
  for (const int splits : {1, 2, 5, 23}) {
    DecodeTrial trial = with_lengths(kLengths);
    trial.num_splits = splits;
    expect_exact(trial);
    trial.shape.num_queries = 3;
    trial.window = 20;
    expect_exact(trial);
  }
}

TEST(CudaDecode, FollowsTheFormulaForEveryWidthAndType) {
  for (const Element element : {Element::kBf16, Element::kFp16}) {
    for (const int width : {64, 80, 96, 128, 256}) {
      for (const int splits : {1, 3}) {
        DecodeTrial trial = with_lengths({0, 17, 70});
        trial.shape.element = element;
        trial.shape.head_dim = width;
        trial.shape.num_queries = 2;
        trial.num_splits = splits;
        expect_exact(trial);
      }
    }
  }
}

TEST(CudaDecode, SharesKeysAmongTheHeadsOfAGroup) {
  for (const int shared : {1, 3, 4, 8}) {
    for (const int queries : {1, 2, 5, 8}) {  // up to 64 rows: four tiles
      DecodeTrial trial = with_lengths({65, 9});
      trial.shape.num_heads = 2 * shared;
      trial.shape.num_key_value_heads = 2;
      trial.shape.num_queries = queries;
      trial.num_splits = queries % 2 + 1;
      expect_exact(trial);
    }
  }
}

TEST(CudaDecode, ReadsPagesOfAnySizeAndRowsWithoutThem) {
  for (const int page_tokens : {0, 16, 48, 112, 256}) {
    DecodeTrial trial = with_lengths({131, 131, 131});
    trial.page_tokens = page_tokens;
    trial.num_splits = 2;
    expect_exact(trial);
  }
}

TEST(CudaDecode, SeesAWindowOfKeys) {
  for (const int window : {1, 2, 15, 16, 17, 64, 1000}) {
    DecodeTrial trial = with_lengths({1, 16, 65, 100});
    trial.shape.num_queries = 2;
    trial.window = window;
    trial.num_splits = 2;
    expect_exact(trial);
  }
}

TEST(CudaDecode, GivesRowsWithoutKeysZeros) {
  for (const int splits : {1, 4}) {
    DecodeTrial trial = with_lengths({0, 2, 0});
    trial.shape.num_queries = 4;  // of two tokens: the first two queries stand before the first key
    trial.num_splits = splits;
    const Decoded found = decode_emulated(trial, {});
    const std::size_t row = found.o_BTNH.size() / 3, query = row / 4;
    for (std::size_t i = 0; i < found.o_BTNH.size(); ++i) {
      if (i < row + 2 * query || i >= 2 * row) {
        ASSERT_EQ(found.o_BTNH[i], 0);
      }
    }
    EXPECT_EQ(found.lse_BNT.front(), -std::numeric_limits<float>::infinity());
    EXPECT_EQ(found.lse_BNT.back(), -std::numeric_limits<float>::infinity());
  }
}

TEST(CudaDecode, MarksARowThatIsLongerThanItsPages) {
  for (const int splits : {1, 3}) {
    DecodeTrial trial = with_lengths({40, 40});
    trial.most_keys = 32;
    trial.num_splits = splits;
    const Decoded found = decode_emulated(trial, {});
    for (const std::uint16_t x : found.o_BTNH) ASSERT_TRUE(std::isnan(emulation::bfloat16_value(x)));
  }
}

TEST(CudaDecode, SurvivesExtremeScores) {
  for (const int splits : {1, 3}) {
    DecodeTrial trial = with_lengths({65, 100});
    trial.loudness = 8192;
    trial.num_splits = splits;
    expect_exact(trial);
  }
}

TEST(CudaDecode, GivesTheSameBitsInEveryOrder) {
  for (const int width : {64, 96, 256}) {
    DecodeTrial trial = with_lengths({130, 17, 0});
    trial.shape.head_dim = width;
    trial.shape.num_queries = 2;
    trial.num_splits = 2;
    const Decoded first = decode_emulated(trial, {});
    for (const emulation::Schedule& schedule : all_schedules()) {
      EXPECT_TRUE(decode_emulated(trial, schedule) == first) << width;
    }
  }
}

TEST(CudaDecode, HasNoFaultThatPlantedOnesShow) { EXPECT_EQ(find_fault(), ""); }

TEST(CudaDecode, RefusesWhatItCantRead) {
  DecodeTrial trial;
  trial.page_tokens = 24;  // a group of 16 keys would lie in two pages
  EXPECT_THROW(decode_emulated(trial, {}), std::runtime_error);
  trial.page_tokens = 16;
  trial.shape.head_dim = 72;
  EXPECT_THROW(decode_emulated(trial, {}), std::runtime_error);
}

TEST(CudaDecode, SplitsWhereBlocksAreFewAndKeysAreMany) {
  Shape shape{.head_dim = 128,
              .batch = 1,
              .num_queries = 1,
              .num_keys = 32768,
              .num_heads = 32,
              .num_key_value_heads = 8};
  EXPECT_EQ(choose_splits(shape, 132), 33);
  shape.batch = 64;
  EXPECT_EQ(choose_splits(shape, 132), 1);
  shape.batch = 1;
  shape.num_keys = 600;
  EXPECT_EQ(choose_splits(shape, 132), 3);
  shape.num_keys = 0;
  EXPECT_EQ(choose_splits(shape, 132), 1);
}

}  // namespace
}  // namespace easylm::bpt_cuda
