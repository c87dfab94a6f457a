// forward() and its gradients, for every mask, type and layout.
#include <gtest/gtest.h>

#include "bpt_cuda/problem.h"
#include "calls.h"

namespace easylm::testing {
namespace {

void expect_exact(const AttentionCall& call, const bpt_cuda::BptCuda::Config& config = {}) {
  bpt_cuda::BptCuda kernel(host(), config);
  const Outcome found = run(kernel, call), wanted = run_reference(call);
  const double limit = tolerance(call.q_BTNH.scalar_type());
  EXPECT_LT(error(found.o, wanted.o), limit);
  EXPECT_LT(lse_error(found.lse, wanted.lse), 1e-4);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_LT(error(found.gradients[i], wanted.gradients[i]), 2 * limit) << i;
}

TEST(CudaTensors, FollowTheFormulaUnderEveryMask) {
  AttentionCall call = call_of({});
  expect_exact(call);
  call.mask.window = 9;
  expect_exact(call);
  call.mask.window = 1'000'000'000'000;
  expect_exact(call);
  call.mask = {};
  call.mask.causal = false;
  expect_exact(call);
  call.mask.segments_q_BT = aten::arange(70, at::kInt).floor_divide(20).expand({2, 70});
  call.mask.segments_k_BS = call.mask.segments_q_BT;
  expect_exact(call);
  call.mask.causal = true;
  call.mask.keep_BS = noise("keep", {2, 70}) > at::Scalar(0);
  expect_exact(call);
}

TEST(CudaTensors, FollowTheFormulaForEveryWidthAndType) {
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    for (const std::int64_t width : {64, 80, 96, 128, 256}) {
      SCOPED_TRACE(width);
      expect_exact(
          call_of({.batch = 1, .queries = 33, .keys = 40, .heads = 3, .key_heads = 1, .width = width}, type));
    }
  }
}

TEST(CudaTensors, TakeHoppersKernelWhereItServes) {
  bpt_cuda::BptCuda::Config config;
  config.forward_kernel = "sm90";
  bpt_cuda::BptCuda hopper(host(), config), ampere = plugin();
  for (const std::int64_t width : {64, 96, 128}) {
    SCOPED_TRACE(width);
    AttentionCall call = call_of({.batch = 1, .queries = 70, .keys = 150, .heads = 2, .width = width});
    expect_exact(call, config);
    const bool same = run(hopper, call).o.equal(run(ampere, call).o);
    EXPECT_EQ(same, width == 96) << "its tiles are larger: sums have another order, unless it doesn't serve";
  }
}

TEST(CudaTensors, SplitTheKeysOfFewQueries) {
  for (const std::int64_t queries : {1, 3, 8}) {
    for (const std::int64_t window : {0, 30}) {
      AttentionCall call = call_of({.batch = 1, .queries = queries, .keys = 600, .heads = 4, .key_heads = 2});
      call.mask.window = window;
      expect_exact(call);
      call.mask.query_offset -= 100;  // not the last tokens
      expect_exact(call);
    }
  }
}

TEST(CudaTensors, GiveBlindQueriesNothing) {
  AttentionCall call = call_of({.queries = 40, .keys = 12});
  call.mask.query_offset = 0;
  call.mask.window = 4;  // from query 16 on nobody sees a key
  bpt_cuda::BptCuda kernel = plugin();
  const Outcome found = run(kernel, call);
  EXPECT_EQ(found.o.slice(1, 16).abs().max().item<double>(), 0);
  EXPECT_TRUE(found.lse.slice(2, 16).isinf().all().item<bool>());
  EXPECT_EQ(found.gradients[0].slice(1, 16).abs().max().item<double>(), 0);
  expect_exact(call);
}

TEST(CudaTensors, ServeCallsWithoutKeysQueriesOrRows) {
  bpt_cuda::BptCuda kernel = plugin();
  for (const Sizes& sizes :
       {Sizes{.queries = 5, .keys = 0}, Sizes{.queries = 0, .keys = 5}, Sizes{.batch = 0}}) {
    AttentionCall call = call_of(sizes);
    call.mask.query_offset = 0;
    const Outcome found = run(kernel, call);
    EXPECT_EQ(found.o.abs().sum().item<double>(), 0);
    for (const at::Tensor& gradient : found.gradients) EXPECT_EQ(gradient.abs().sum().item<double>(), 0);
  }
}

TEST(CudaTensors, AreReadInAnyLayout) {
  const AttentionCall plain = call_of({});
  bpt_cuda::BptCuda kernel = plugin();
  const Outcome wanted = run(kernel, plain);
  const auto transposed = [](const at::Tensor& x) { return x.transpose(1, 2).contiguous().transpose(1, 2); };
  const auto shifted = [](const at::Tensor& x) {  // by one number: no longer on 16 bytes
    const at::Tensor wide = aten::zeros({x.size(0), x.size(1), x.size(2), x.size(3) + 8}, x.options());
    at::Tensor part = wide.narrow(3, 1, x.size(3));
    return part.copy_(x), part;
  };
  const auto scattered = [](const at::Tensor& x) {  // a head's numbers don't lie side by side
    return x.transpose(2, 3).contiguous().transpose(2, 3);
  };
  const auto expect_same = [&](const auto& laid_out) {
    AttentionCall call = plain;
    for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = laid_out(*x);
    const Outcome found = run(kernel, call);
    EXPECT_TRUE(found.o.equal(wanted.o));
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(found.gradients[i].equal(wanted.gradients[i])) << i;
  };
  expect_same(transposed);
  expect_same(shifted);
  expect_same(scattered);
}

TEST(CudaTensors, AreCopiedOnlyIfTheyMustBe) {
  const at::Tensor x = noise("x", {2, 5, 3, 64}).to(at::kHalf);
  EXPECT_TRUE(bpt_cuda::readable(x).is_same(x));
  const at::Tensor part = x.narrow(1, 1, 2);
  EXPECT_TRUE(bpt_cuda::readable(part).is_same(part));
  EXPECT_FALSE(bpt_cuda::readable(x.narrow(3, 4, 32)).is_alias_of(x));
  EXPECT_TRUE(bpt_cuda::readable(x.expand({2, 5, 3, 64}).narrow(0, 0, 1)).is_alias_of(x));
}

TEST(CudaTensors, GetGradientsFromAnyLayout) {
  AttentionCall call = call_of({});
  call.q_BTNH.requires_grad_();
  bpt_cuda::BptCuda kernel = plugin();
  const at::Tensor o = kernel.forward(call).o_BTNH;
  const at::Tensor ones = aten::ones({1, 1, 1, 1}, o.options());
  const auto all = torch::autograd::grad({o}, {call.q_BTNH}, {ones.expand(o.sizes()).contiguous()}, true);
  const auto expanded = torch::autograd::grad({o}, {call.q_BTNH}, {ones.expand(o.sizes())});
  EXPECT_TRUE(all[0].equal(expanded[0]));
}

TEST(CudaTensors, AreRefusedWithAReason) {
  bpt_cuda::BptCuda kernel = plugin();
  AttentionQuery query = query_of(call_of({}));
  EXPECT_GT(kernel.supports(query).score, 0);
  EXPECT_LT(kernel.supports(query).score, 1) << "what no GPU has measured is not preferred";
  const auto reason = [&](const auto& change) {
    AttentionQuery changed = query;
    change(changed);
    const Support support = kernel.supports(changed);
    EXPECT_EQ(support.score, 0);
    return support.reason;
  };
  EXPECT_EQ(reason([](auto& q) { q.device = at::kCUDA; }), "it runs on CUDA devices only");
  EXPECT_EQ(reason([](auto& q) { q.dtype = at::kFloat; }), "it computes in bf16 and fp16 only");
  EXPECT_EQ(reason([](auto& q) { q.head_dim = 72; }), "head width 72 is none of 64, 80, 96, 128 and 256");
  EXPECT_EQ(reason([](auto& q) { q.dropout = true; }), "it has no dropout");
  AttentionCall call = call_of({});
  call.v_BSKH = call.v_BSKH.to(at::kHalf);
  EXPECT_THROW(kernel.forward(call), Error);
}

}  // namespace
}  // namespace easylm::testing
