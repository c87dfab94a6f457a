// Every attention kernel against the plain formula in fp64, forward and backward, over shapes, masks and
// dtypes.
#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"
#include "support/plugin_host.h"

namespace easylm::testing {
namespace {

std::shared_ptr<AttentionKernel> kernel(const std::string& name) {
  static PluginHost host;
  return host.make<AttentionKernel>(table_of(name));
}

struct Shape {
  std::int64_t batch, queries, keys, heads, key_heads, width;
};

at::Tensor noise(const char* name, std::vector<std::int64_t> shape) {
  return aten::empty(shape, at::kDouble).normal_(0, 1, generator_of({11, name, 0}, at::kCPU));
}

AttentionCall call_of(const Shape& s) {
  AttentionCall call;
  call.q_BTNH = noise("q", {s.batch, s.queries, s.heads, s.width});
  call.k_BSKH = noise("k", {s.batch, s.keys, s.key_heads, s.width});
  call.v_BSKH = noise("v", {s.batch, s.keys, s.key_heads, s.width});
  call.scale = 1 / std::sqrt(static_cast<double>(s.width));
  call.mask.query_offset = s.keys - s.queries;
  return call;
}

struct Outcome {
  at::Tensor o, lse, dq, dk, dv;
};

// The kernel's answer and its gradients under a fixed weighting of the output.
Outcome run(AttentionKernel& kernel, AttentionCall call, at::ScalarType type) {
  call.q_BTNH = call.q_BTNH.to(type).detach().requires_grad_();
  call.k_BSKH = call.k_BSKH.to(type).detach().requires_grad_();
  call.v_BSKH = call.v_BSKH.to(type).detach().requires_grad_();
  const AttentionResult result = kernel.forward(call);
  const at::Tensor weights = noise("weights", result.o_BTNH.sizes().vec()).to(type);
  const auto gradients =
      torch::autograd::grad({(result.o_BTNH * weights).sum()}, {call.q_BTNH, call.k_BSKH, call.v_BSKH});
  return {result.o_BTNH.detach(), result.lse_BNT, gradients[0], gradients[1], gradients[2]};
}

double error(const at::Tensor& found, const at::Tensor& wanted) {
  const double size = wanted.norm().item<double>();
  return (found.to(at::kDouble) - wanted).norm().item<double>() / std::max(size, 1e-30);
}

// What the formula says, one query at a time, with no tensor operation to share a mistake with.
at::Tensor by_hand(const AttentionCall& call, const std::vector<std::vector<std::vector<bool>>>& sees) {
  const at::Tensor o = call.q_BTNH.new_zeros(call.q_BTNH.sizes());
  const auto q = call.q_BTNH.accessor<double, 4>(), k = call.k_BSKH.accessor<double, 4>(),
             v = call.v_BSKH.accessor<double, 4>();
  auto out = o.accessor<double, 4>();
  const std::int64_t shared = q.size(2) / k.size(2);
  for (std::int64_t b = 0; b < q.size(0); ++b) {
    for (std::int64_t t = 0; t < q.size(1); ++t) {
      for (std::int64_t n = 0; n < q.size(2); ++n) {
        double sum = 0;
        for (std::int64_t s = 0; s < k.size(1); ++s) {
          if (!sees[static_cast<std::size_t>(b)][static_cast<std::size_t>(t)][static_cast<std::size_t>(s)])
            continue;
          double score = 0;
          for (std::int64_t h = 0; h < q.size(3); ++h) score += q[b][t][n][h] * k[b][s][n / shared][h];
          const double weight = std::exp(score * call.scale);
          sum += weight;
          for (std::int64_t h = 0; h < q.size(3); ++h) out[b][t][n][h] += weight * v[b][s][n / shared][h];
        }
        for (std::int64_t h = 0; h < q.size(3) && sum > 0; ++h) out[b][t][n][h] /= sum;
      }
    }
  }
  return o;
}

TEST(Attention, ReferenceIsTheFormula) {
  AttentionCall call = call_of({2, 6, 6, 4, 2, 8});
  call.mask.window = 4;
  call.mask.segments_q_BT = call.mask.segments_k_BS =
      at::tensor({0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1}, at::kInt).view({2, 6});
  call.mask.keep_BS = aten::ones({2, 6}, at::kBool);
  call.mask.keep_BS[1][2] = false;
  std::vector sees(2, std::vector(6, std::vector<bool>(6)));
  const auto segments = call.mask.segments_q_BT.accessor<int, 2>();
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t t = 0; t < 6; ++t) {
      for (std::size_t s = 0; s <= t; ++s) {
        const auto row = static_cast<std::int64_t>(b);
        const bool same =
            segments[row][static_cast<std::int64_t>(t)] == segments[row][static_cast<std::int64_t>(s)];
        const bool forgotten = b == 1 && s == 2 && t != 2;
        sees[b][t][s] = same && t - s < 4 && !forgotten;
      }
    }
  }
  EXPECT_LT(error(kernel("reference")->forward(call).o_BTNH, by_hand(call, sees)), 1e-12);
}

struct MaskCase {
  const char* name;
  bool causal;
  std::int64_t window;
  bool segments, keep;
};

constexpr MaskCase kMasks[] = {{"none", false, 0, false, false},
                               {"causal", true, 0, false, false},
                               {"window", true, 3, false, false},
                               {"segments", true, 0, true, false},
                               {"forgetful", true, 0, false, true},
                               {"all", true, 5, true, true},
                               {"two-sided segments", false, 0, true, false}};
constexpr Shape kShapes[] = {{2, 9, 9, 4, 4, 8},      {2, 9, 9, 6, 2, 16},    {1, 1, 7, 4, 1, 8},
                             {3, 4, 11, 4, 2, 12},    {1, 40, 40, 9, 3, 64},  {1, 65, 65, 2, 1, 20},
                             {2, 200, 300, 3, 3, 40}, {1, 257, 257, 4, 2, 32}};

AttentionCall masked(const Shape& shape, const MaskCase& mask) {
  AttentionCall call = call_of(shape);
  call.mask.causal = mask.causal;
  call.mask.window = mask.window;
  if (mask.segments) {  // every query sees its own position
    const at::Tensor all =
        aten::arange(shape.keys).div(4, "floor").to(at::kInt).expand({shape.batch, shape.keys});
    call.mask.segments_k_BS = all;
    call.mask.segments_q_BT = all.narrow(1, shape.keys - shape.queries, shape.queries);
  }
  if (mask.keep) call.mask.keep_BS = noise("keep", {shape.batch, shape.keys}) > -0.5;
  return call;
}

class KernelGrid : public ::testing::TestWithParam<std::string> {};

TEST_P(KernelGrid, AgreesWithTheReferenceForwardAndBackward) {
  const auto under_test = kernel(GetParam());
  const auto oracle = kernel("reference");
  // bf16 keeps 8 bits: inputs are rounded for both, what remains is the kernel's own rounding of p and o.
  const std::pair<at::ScalarType, double> tolerances[] = {
      {at::kDouble, 1e-12}, {at::kFloat, 2e-6}, {at::kBFloat16, 1.5e-2}};
  for (const Shape& shape : kShapes) {
    for (const MaskCase& mask : kMasks) {
      for (const auto& [type, tolerance] : tolerances) {
        AttentionCall call = masked(shape, mask);
        call.q_BTNH = call.q_BTNH.to(type);
        call.k_BSKH = call.k_BSKH.to(type);
        call.v_BSKH = call.v_BSKH.to(type);
        if (under_test->supports(query_of(call)).score <= 0) continue;
        // LibTorch's own loops in bf16 take minutes on a CPU without instructions for it.
        if (shape.keys > 30 && type == at::kBFloat16 && GetParam() != "bpt") continue;
        const Outcome found = run(*under_test, call, type);
        const Outcome wanted = run(*oracle, call, at::kDouble);
        const std::string where = std::string(mask.name) + " keys " + std::to_string(shape.keys) + " heads " +
                                  std::to_string(shape.heads) + "/" + std::to_string(shape.key_heads) + " " +
                                  c10::toString(type);
        EXPECT_LT(error(found.o, wanted.o), tolerance) << where;
        EXPECT_LT(error(found.dq, wanted.dq), tolerance) << where;
        EXPECT_LT(error(found.dk, wanted.dk), tolerance) << where;
        EXPECT_LT(error(found.dv, wanted.dv), tolerance) << where;
      }
    }
  }
}

TEST_P(KernelGrid, GivesZerosAndNoWeightWhereNothingIsSeen) {
  AttentionCall call = call_of({1, 3, 3, 2, 1, 4});
  call.mask.segments_q_BT = at::tensor({5, 0, 0}, at::kInt).view({1, 3});
  call.mask.segments_k_BS = aten::zeros({1, 3}, at::kInt);
  AttentionCall with_lse = call;
  with_lse.want_lse = true;
  if (kernel(GetParam())->supports(query_of(with_lse)).score > 0) call = with_lse;
  const Outcome outcome = run(*kernel(GetParam()), call, at::kFloat);
  EXPECT_EQ(outcome.o.select(1, 0).abs().max().item<double>(), 0);
  if (call.want_lse) {
    EXPECT_EQ(outcome.lse.select(2, 0).max().item<double>(), -std::numeric_limits<double>::infinity());
  }
  for (const at::Tensor& gradient : {outcome.dq, outcome.dk, outcome.dv}) {
    EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
}

TEST_P(KernelGrid, SaysWhatItCannotDoAndRefusesIt) {
  const auto under_test = kernel(GetParam());
  AttentionCall plain = call_of({1, 4, 4, 2, 2, 8});
  AttentionCall dropping = plain, with_lse = plain;
  dropping.dropout = 0.5;
  with_lse.want_lse = true;
  for (const AttentionCall& call : {plain, dropping, with_lse}) {
    const Support support = under_test->supports(query_of(call));
    if (support.score > 0) {
      EXPECT_NO_THROW(under_test->forward(call));
    } else {
      EXPECT_FALSE(support.reason.empty());
      EXPECT_THROW(under_test->forward(call), Error);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, KernelGrid, ::testing::Values("reference", "sdpa", "bpt", "auto"),
                         [](const auto& test) { return test.param; });

TEST(Attention, BptReadsAnyStridesAndGivesTheSameBitsWithAnyNumberOfThreads) {
  AttentionCall call = call_of({2, 150, 150, 4, 2, 24});
  const Outcome one = run(*kernel("bpt"), call, at::kFloat);
  const int before = at::get_num_threads();
  at::set_num_threads(before + 2);
  // Heads before tokens, and heads whose numbers lie apart.
  call.q_BTNH = call.q_BTNH.transpose(1, 2).contiguous().transpose(1, 2);
  call.v_BSKH = call.v_BSKH.transpose(1, 3).contiguous().transpose(1, 3);
  const Outcome other = run(*kernel("bpt"), call, at::kFloat);
  at::set_num_threads(before);
  EXPECT_TRUE(aten::equal(one.o, other.o));
  EXPECT_TRUE(aten::equal(one.dq, other.dq));
  EXPECT_TRUE(aten::equal(one.dk, other.dk));
  EXPECT_TRUE(aten::equal(one.dv, other.dv));
}

TEST(Attention, BptSurvivesExtremeLogitsAndShowsNan) {
  AttentionCall call = call_of({1, 70, 70, 2, 2, 16});
  call.scale = 1e3;
  const Outcome found = run(*kernel("bpt"), call, at::kFloat),
                wanted = run(*kernel("reference"), call, at::kDouble);
  EXPECT_LT(error(found.o, wanted.o), 1e-2);  // logits of thousands have 4 decimals in fp32
  for (const at::Tensor& gradient : {found.dq, found.dk, found.dv}) {
    EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
  call.scale = 1;
  call.q_BTNH[0][69] = std::numeric_limits<double>::quiet_NaN();
  const at::Tensor o = run(*kernel("bpt"), call, at::kFloat).o;
  EXPECT_TRUE(o[0][69].isnan().all().item<bool>());
  EXPECT_FALSE(o[0].narrow(0, 0, 69).isnan().any().item<bool>());
}

TEST(Attention, AutoTakesTheKernelThatServesTheCallBest) {
  PluginHost host;
  const auto chosen = host.make<AttentionKernel>(table_of("auto"));
  AttentionCall call = call_of({1, 40, 40, 2, 2, 16});
  const auto agrees = [&](const char* name) {
    AttentionCall same = call;
    return aten::equal(chosen->forward(same).o_BTNH, kernel(name)->forward(same).o_BTNH);
  };
  EXPECT_TRUE(agrees("sdpa"));  // fp64
  call.q_BTNH = call.q_BTNH.to(at::kFloat);
  call.k_BSKH = call.k_BSKH.to(at::kFloat);
  call.v_BSKH = call.v_BSKH.to(at::kFloat);
  EXPECT_TRUE(agrees("bpt"));
  call.dropout = 0.5;
  EXPECT_TRUE(agrees("reference"));
  EXPECT_TRUE(host.warnings.empty());
}

TEST(Attention, LogSumExpIsThatOfTheScaledScores) {
  AttentionCall call = call_of({2, 150, 150, 2, 1, 8});
  call.want_lse = true;
  const at::Tensor wide = kernel("reference")->forward(call).lse_BNT;
  AttentionCall narrow = call;
  for (at::Tensor* x : {&narrow.q_BTNH, &narrow.k_BSKH, &narrow.v_BSKH}) *x = x->to(at::kFloat);
  EXPECT_LT(error(kernel("bpt")->forward(narrow).lse_BNT, wide), 1e-6);

  call = call_of({2, 5, 5, 4, 2, 8});
  call.want_lse = true;
  const at::Tensor lse = kernel("reference")->forward(call).lse_BNT;
  ASSERT_EQ(lse.sizes(), (std::vector<std::int64_t>{2, 4, 5}));
  for (const std::int64_t n : {0, 3}) {
    const at::Tensor scores = call.k_BSKH[1].select(1, n / 2).matmul(call.q_BTNH[1][2][n]) * call.scale;
    const double wanted = std::log(scores.narrow(0, 0, 3).exp().sum().item<double>());
    EXPECT_NEAR(lse[1][n][2].item<double>(), wanted, 1e-12);
  }
}

TEST(Attention, DropoutIsDrawnFromItsSeedAtItsRate) {
  AttentionCall call = call_of({2, 64, 64, 2, 2, 8});
  call.mask.causal = false;
  call.v_BSKH = call.v_BSKH.new_ones(
      call.v_BSKH.sizes());  // the output is the sum of what is left of the probabilities
  call.dropout = 0.25;
  call.dropout_seed = 3;
  const at::Tensor once = kernel("reference")->forward(call).o_BTNH;
  EXPECT_TRUE(aten::equal(once, kernel("reference")->forward(call).o_BTNH));
  EXPECT_NEAR(once.mean().item<double>(), 1, 0.02);
  EXPECT_GT(once.std().item<double>(), 0.05);
  call.dropout_seed = 4;
  EXPECT_FALSE(aten::equal(once, kernel("reference")->forward(call).o_BTNH));
}

}  // namespace
}  // namespace easylm::testing
