// LLaMA against itself: recomputation, cached decoding, packed rows, and its random parts.
#include <gtest/gtest.h>

#include <cmath>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/kv_cache.h"
#include "models/tiny_llama.h"

namespace easylm::testing {
namespace {

using schema_detail::to_value;

TEST(Llama, GivesTheSameGradientsToTheBitWhenBlocksAreRecomputed) {
  const auto model = tiny_llama(tiny_table({{"residue_dropout", to_value(0.1)},
                                            {"feedforward_dropout", to_value(0.1)},
                                            {"attention_dropout", to_value(0.1)},
                                            {"fcm_max_ratio", to_value(0.3)},
                                            {"attention", to_value(Table{"reference"})}}));
  const at::Tensor ids = some_ids(2, 17);
  ForwardContext plain(Phase::train), recomputed(Phase::train);
  const Differentiated a = differentiate(*model, ids, plain);
  const Differentiated b = differentiate(*model, ids, recomputed, Recompute::blocks);
  EXPECT_EQ(a.loss, b.loss);
  const auto parameters = parameters_of(*model);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_TRUE(aten::equal(a.gradients[i], b.gradients[i])) << parameters[i].name;
  }
}

TEST(Llama, RecomputesAsItWasCalledThoughTheContextHasMovedOn) {
  const auto model = tiny_llama(tiny_table({{"residue_dropout", to_value(0.5)}}));
  require_gradients(*model);
  const at::Tensor ids = some_ids(2, 16);
  const at::Tensor weight = parameters_of(*model)[2].value;
  const auto gradient = [&](std::uint64_t draw_at_backward, Recompute policy) {
    ForwardContext context(Phase::train);
    const at::Tensor h = run_model(*model, ids, context, policy);
    context.draw = draw_at_backward;
    const at::Tensor result = torch::autograd::grad({h.sum()}, {weight})[0];
    EXPECT_EQ(context.draw, draw_at_backward);
    return result;
  };
  EXPECT_TRUE(aten::equal(gradient(0, Recompute::none), gradient(5, Recompute::blocks)));
}

TEST(Llama, DecodesWithACacheAsWithoutOne) {
  for (const char* kernel : {"sdpa", "bpt", "reference"}) {
    const auto model = tiny_llama(tiny_table({{"attention", to_value(Table{kernel})}}));
    const at::Tensor ids = some_ids(2, 20);
    const at::Tensor whole = logits_of(*model, ids);
    const at::NoGradGuard no_grad;
    ForwardContext context(Phase::infer);
    GrowingKvCache cache(2);
    std::vector<at::Tensor> pieces;
    const std::int64_t lengths[] = {7, 1, 1, 5, 6};
    for (const std::int64_t length : lengths) {
      const at::Tensor chunk = ids.narrow(1, cache.length(), length);
      pieces.push_back(run_model_cached(*model, chunk, cache, context).matmul(model->head_weight().t()));
    }
    EXPECT_LT(relative_error(aten::cat(pieces, 1), whole), 1e-5) << kernel;
  }
}

TEST(Llama, KeepsPackedDocumentsApart) {
  const auto model = tiny_llama(tiny_table());
  const at::Tensor first = some_ids(1, 9), second = some_ids(1, 14).add(1).remainder(97);
  ForwardContext packed(Phase::infer);
  packed.segments_BT = aten::cat({aten::zeros({1, 9}, at::kInt), aten::ones({1, 14}, at::kInt)}, 1);
  packed.positions = aten::cat({aten::arange(9), aten::arange(14)}).unsqueeze(0);
  const at::NoGradGuard no_grad;
  const at::Tensor together = logits_of(*model, aten::cat({first, second}, 1), packed);
  EXPECT_LT(relative_error(together.narrow(1, 0, 9), logits_of(*model, first)), 1e-5);
  EXPECT_LT(relative_error(together.narrow(1, 9, 14), logits_of(*model, second)), 1e-5);
}

TEST(Llama, EachDropoutActsInTrainingAloneAndIsReplayable) {
  const at::Tensor ids = some_ids(2, 16);
  const at::Tensor plain = logits_of(*tiny_llama(tiny_table()), ids);
  for (const char* key : {"embedding_dropout", "attention_dropout", "feedforward_dropout", "residue_dropout",
                          "fcm_max_ratio"}) {
    const auto model =
        tiny_llama(tiny_table({{key, to_value(0.4)}, {"attention", to_value(Table{"reference"})}}));
    const at::NoGradGuard no_grad;
    const auto pass = [&](std::uint64_t seed, std::uint64_t draw) {
      ForwardContext context(Phase::train);
      context.seed = seed;
      context.draw = draw;
      return logits_of(*model, ids, context);
    };
    EXPECT_LT(relative_error(logits_of(*model, ids), plain), 1e-5) << key;
    EXPECT_GT(relative_error(pass(1, 1), plain), 1e-3) << key;
    EXPECT_TRUE(aten::equal(pass(1, 1), pass(1, 1))) << key;
    EXPECT_FALSE(aten::equal(pass(1, 1), pass(1, 2))) << key;
    EXPECT_FALSE(aten::equal(pass(1, 1), pass(2, 1))) << key;
  }
}

TEST(Llama, HidesAllEarlierTokensButTheFirstAtAForgetfulRatioOfOne) {
  // With every key but the first and the own one hidden, a token's output can't depend on those between.
  const auto model =
      tiny_llama(tiny_table({{"fcm_min_ratio", to_value(1.0)}, {"fcm_max_ratio", to_value(1.0)}}));
  const at::NoGradGuard no_grad;
  const at::Tensor ids = some_ids(1, 12);
  at::Tensor changed = ids.clone();
  changed.narrow(1, 1, 9).add_(1).remainder_(97);
  ForwardContext context(Phase::train);
  const at::Tensor a = logits_of(*model, ids, context), b = logits_of(*model, changed, context);
  EXPECT_LT(relative_error(a.select(1, 11), b.select(1, 11)), 1e-5);
  at::Tensor other_start = ids.clone();
  other_start.select(1, 0).add_(1).remainder_(97);
  EXPECT_GT(relative_error(logits_of(*model, other_start, context).select(1, 11), a.select(1, 11)), 1e-3);
}

TEST(Llama, ComputesInBf16CloseToFp32) {
  const auto exact = tiny_llama(tiny_table()), rounded = tiny_llama(tiny_table(), at::kBFloat16);
  const at::Tensor ids = some_ids(2, 24);
  ForwardContext context(Phase::train);
  const Differentiated a = differentiate(*exact, ids, context), b = differentiate(*rounded, ids, context);
  EXPECT_NEAR(b.loss / a.loss, 1, 0.03);
  const auto parameters = parameters_of(*exact);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_EQ(b.gradients[i].scalar_type(), at::kBFloat16);
    EXPECT_LT(relative_error(b.gradients[i], a.gradients[i]), 0.15) << parameters[i].name;
  }
}

TEST(Llama, AgreesWithFiniteDifferencesInDoublePrecision) {
  const auto model = tiny_llama(tiny_table(), at::kDouble);
  const at::Tensor ids = some_ids(1, 8);
  ForwardContext context(Phase::train);
  const Differentiated exact = differentiate(*model, ids, context);
  const auto parameters = parameters_of(*model);
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor value = parameters[i].value;
    const at::Tensor direction = value.new_zeros(value.sizes())
                                     .normal_(0, 1, generator_of({3, parameters[i].name, 0}, at::kCPU))
                                     .detach();
    const auto shifted = [&](double step) {
      value.detach().add_(direction, step);
      const double loss = differentiate(*model, ids, context).loss;
      value.detach().add_(direction, -step);
      return loss;
    };
    const double slope = (shifted(kStep) - shifted(-kStep)) / (2 * kStep);
    const double wanted = (exact.gradients[i] * direction).sum().item<double>();
    EXPECT_NEAR(slope, wanted, 1e-6 * (1 + std::abs(wanted))) << parameters[i].name;
  }
}

}  // namespace
}  // namespace easylm::testing
