// The emulated forward kernel for sm_90a against the oracle.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bpt_cuda/forward_sm90.h"
#include "support/find_fault.h"

namespace easylm::bpt_cuda_test {
namespace {

class Sm90Widths : public testing::TestWithParam<int> {};

TEST_P(Sm90Widths, AreServedInBothTypes) {
  for (const Element element : {Element::kBf16, Element::kFp16}) {
    for (const bool causal : {true, false}) {
      Case example = square(GetParam(), 300);
      example.shape.element = element;
      example.causal = causal;
      EXPECT_EQ(find_fault_sm90(example, Schedules::kAll), "");
    }
  }
}

TEST_P(Sm90Widths, HoldAtEveryLengthAroundATile) {
  for (const int length : {1, 7, 63, 64, 65, 127, 128, 129}) {
    EXPECT_EQ(find_fault_sm90(square(GetParam(), length), Schedules::kTwo), "");
  }
}

INSTANTIATE_TEST_SUITE_P(CudaAttentionSm90, Sm90Widths, testing::Values(64, 128),
                         [](const auto& width) { return std::to_string(width.param); });

TEST(CudaAttentionSm90, HoldsWhereQueriesAndKeysDifferInNumber) {
  for (const int num_keys : {0, 1, 100, 400}) {
    Case example = square(64, 130);
    example.shape.num_keys = num_keys;
    example.causal = false;
    EXPECT_EQ(find_fault_sm90(example, Schedules::kTwo), "");
  }
}

TEST(CudaAttentionSm90, PlacesQueriesAmongTheKeysByTheirOffset) {
  Case example = square(64, 50);
  example.shape.num_keys = 400;
  example.query_offset = 350;
  EXPECT_EQ(find_fault_sm90(example, Schedules::kTwo), "");
}

TEST(CudaAttentionSm90, SeesOnlyTheWindow) {
  for (const int window : {1, 100, 200}) {
    Case example = square(64, 500);
    example.window = window;
    EXPECT_EQ(find_fault_sm90(example, Schedules::kTwo), "");
  }
}

TEST(CudaAttentionSm90, GroupsOfQueriesShareKeys) {
  Case example = square(64, 140);
  example.shape.batch = 2;
  example.shape.num_heads = 6;
  example.shape.num_key_value_heads = 2;
  EXPECT_EQ(find_fault_sm90(example, Schedules::kTwo), "");
}

TEST(CudaAttentionSm90, ReadsAndWritesAnyStrides) {
  for (const Layout layout : {Layout::kHeads, Layout::kPadded}) {
    Case example = square(128, 140);
    example.shape.batch = 2;
    example.shape.num_heads = 2;
    example.layout = layout;
    EXPECT_EQ(find_fault_sm90(example, Schedules::kTwo), "");
  }
}

TEST(CudaAttentionSm90, SurvivesExtremeLogits) {
  Case example = square(64, 200);
  example.largest_logit = 1e4;
  EXPECT_EQ(find_fault_sm90(example, Schedules::kTwo), "");
}

TEST(CudaAttentionSm90, SaysWhatItDoesNotServe) {
  bpt_cuda::ForwardCall call;
  call.shape = {Element::kBf16, 96, 1, 8, 8, 1, 1};
  EXPECT_FALSE(bpt_cuda::forward_sm90_serves(call));
  EXPECT_EQ(bpt_cuda::forward_sm90(call, nullptr), 1);
  call.shape.head_dim = 64;
  call.q.strides = call.k.strides = call.v.strides = {512, 64, 64};
  EXPECT_TRUE(bpt_cuda::forward_sm90_serves(call));
  call.k.strides.token = 0;
  EXPECT_FALSE(bpt_cuda::forward_sm90_serves(call));
  call.k.strides.token = 64;
  const std::int32_t segments[8] = {};
  call.mask.segments_q = call.mask.segments_k = segments;
  EXPECT_FALSE(bpt_cuda::forward_sm90_serves(call));
}

}  // namespace
}  // namespace easylm::bpt_cuda_test
