// The reference against the plain formula, and what each kernel promises beside it.
#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "exact.h"

namespace easylm::testing {
namespace {

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
  EXPECT_LT(error(exactly(call).o, by_hand(call, sees)), 1e-12);
}

class Kernels : public ::testing::TestWithParam<std::string> {};

TEST_P(Kernels, GivesZerosAndNoWeightWhereNothingIsSeen) {
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

TEST_P(Kernels, SaysWhatItCannotDoAndRefusesIt) {
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

INSTANTIATE_TEST_SUITE_P(All, Kernels, ::testing::Values("reference", "sdpa", "bpt", "auto"),
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
