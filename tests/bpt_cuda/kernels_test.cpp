// The emulated kernels against the oracle, under every order of warps and of asynchronous copies.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "support/problem.h"

namespace easylm::bpt_cuda_test {
namespace {

class Widths : public testing::TestWithParam<int> {};

TEST_P(Widths, AreServedInBothTypes) {
  for (const Element element : {Element::kBf16, Element::kFp16}) {
    for (const bool causal : {true, false}) {
      Case example = square(GetParam(), 130);
      example.shape.element = element;
      example.causal = causal;
      EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
    }
  }
}

TEST_P(Widths, AreServedWithEveryMaskAtOnce) {
  Case example = square(GetParam(), 140);
  example.shape.batch = 2;
  example.window = 70;
  std::mt19937 random(5);
  for (int i = 0; i < 2 * 140; ++i) {
    example.segments_q.push_back(i % 140 / 50);
    example.keep.push_back(random() % 4 != 0 ? 1 : 0);
  }
  example.segments_k = example.segments_q;
  EXPECT_EQ(find_fault(example, Schedules::kAll), "");
}

INSTANTIATE_TEST_SUITE_P(CudaAttention, Widths, testing::Values(64, 80, 96, 128, 256),
                         [](const auto& width) { return std::to_string(width.param); });

TEST(CudaAttention, HoldsAtEveryLengthAroundATile) {
  for (const int length : {1, 7, 63, 64, 65, 127, 128, 129}) {
    for (const bool causal : {true, false}) {
      Case example = square(64, length);
      example.causal = causal;
      EXPECT_EQ(find_fault(example, Schedules::kAll), "");
    }
  }
}

TEST(CudaAttention, HoldsWhereQueriesAndKeysDifferInNumber) {
  for (const int num_keys : {1, 64, 100, 200}) {
    Case example = square(96, 70);
    example.shape.num_keys = num_keys;
    example.causal = false;
    EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
  }
}

TEST(CudaAttention, PlacesQueriesAmongTheKeysByTheirOffset) {
  for (const int offset : {1, 60, 150}) {
    Case example = square(64, 50);
    example.shape.num_keys = 200;
    example.query_offset = offset;
    EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
  }
}

TEST(CudaAttention, SeesOnlyTheWindow) {
  for (const int window : {1, 2, 64, 100, 1000}) {
    Case example = square(64, 200);
    example.window = window;
    EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
  }
  Case both_sides = square(64, 200);
  both_sides.causal = false;
  both_sides.window = 20;
  EXPECT_EQ(find_fault(both_sides, Schedules::kTwo), "");
}

TEST(CudaAttention, GroupsOfQueriesShareKeys) {
  for (const int heads : {3, 4, 8}) {
    Case example = square(64, 70);
    example.shape.num_heads = heads;
    example.shape.num_key_value_heads = heads == 4 ? 2 : 1;
    EXPECT_EQ(find_fault(example, heads == 3 ? Schedules::kAll : Schedules::kTwo), "");
  }
}

TEST(CudaAttention, KeepsPackedDocumentsApart) {
  for (const bool causal : {true, false}) {
    Case example = square(64, 260);
    example.causal = causal;
    int document = 3;
    for (const int length : {1, 90, 1, 64, 64, 40}) {
      example.segments_q.insert(example.segments_q.end(), length, document);
      document += 2;
    }
    example.segments_k = example.segments_q;
    EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
  }
}

TEST(CudaAttention, TakesSegmentsInAnyOrder) {
  Case example = square(64, 150);
  example.shape.num_keys = 170;
  example.causal = false;
  std::mt19937 random(1);
  for (int i = 0; i < 150; ++i) example.segments_q.push_back(static_cast<int>(random() % 5) - 2);
  for (int i = 0; i < 170; ++i) example.segments_k.push_back(static_cast<int>(random() % 4) - 2);
  EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
}

TEST(CudaAttention, ShowsAHiddenKeyToItsOwnPositionAlone) {
  Case example = square(64, 200);
  example.keep.assign(200, 1);
  for (int i = 20; i < 140; ++i) example.keep[i] = 0;
  EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
  example.causal = false;
  EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
}

TEST(CudaAttention, ServesSequencesOfAllLengthsEndToEnd) {
  for (const bool causal : {true, false}) {
    Case example = square(64, 130);
    example.shape.batch = 6;
    example.shape.num_heads = 2;
    example.causal = causal;
    // Among them: no queries, fewer keys than queries, no keys.
    example.starts_q = {0, 1, 1, 131, 195, 200, 230};
    example.starts_k = {0, 1, 4, 134, 150, 250, 250};
    EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
    example.window = 33;
    example.shape.num_heads = 1;
    EXPECT_EQ(find_fault(example, causal ? Schedules::kAll : Schedules::kTwo), "");
  }
}

TEST(CudaAttention, ReadsAndWritesAnyStrides) {
  for (const Layout layout : {Layout::kHeads, Layout::kPadded}) {
    for (const int width : {64, 80, 256}) {
      Case example = square(width, 70);
      example.shape.batch = 2;
      example.shape.num_heads = 2;
      example.layout = layout;
      EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
    }
  }
}

TEST(CudaAttention, SurvivesExtremeLogits) {
  for (const Element element : {Element::kBf16, Element::kFp16}) {
    Case example = square(64, 100);
    example.shape.element = element;
    example.largest_logit = 1e4;
    EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
  }
}

TEST(CudaAttention, GivesZerosToAQueryThatSeesNothing) {
  Case example = square(64, 100);
  example.segments_q.assign(100, 1);
  example.segments_k.assign(100, 2);
  example.segments_k[30] = 1;  // seen by queries 30 and later
  EXPECT_EQ(find_fault(example, Schedules::kTwo), "");
  const Outputs outputs = run_kernels(example, make_inputs(example), {});
  EXPECT_EQ(outputs.lse[29], -INFINITY);
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(outputs.o.get(0, 29, 0, i), 0);
    EXPECT_EQ(outputs.dq.get(0, 29, 0, i), 0);
    EXPECT_EQ(outputs.dk.get(0, 29, 0, i), 0);
  }
}

}  // namespace
}  // namespace easylm::bpt_cuda_test
