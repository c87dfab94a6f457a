// The chunked loss against log_softmax, and its memory.
#include "easylm/tensor/loss.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "easylm/error.h"
#include "easylm/tensor/allocator.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"

namespace easylm {
namespace {

struct Sizes {
  std::int64_t rows, length, width, vocabulary;
};

at::Tensor noise(const char* name, std::vector<std::int64_t> shape, double scale = 1) {
  return aten::empty(shape, at::kFloat).normal_(0, scale, generator_of({21, name, 0}, at::kCPU));
}

LossInput input_of(const Sizes& s, at::ScalarType type) {
  LossInput input;
  input.h_BTD = noise("h", {s.rows, s.length, s.width}).to(type).requires_grad_();
  input.w_VD = noise("w", {s.vocabulary, s.width}, 0.4).to(type).requires_grad_();
  input.targets_BT =
      (aten::arange(s.rows * s.length) * 7919).remainder(s.vocabulary).view({s.rows, s.length});
  input.mask_BT = noise("mask", {s.rows, s.length}).clamp(0, 2);  // about half are zero
  return input;
}

struct Outcome {
  double loss, weight, correct;
  at::Tensor dh, dw;
};

// With every logit at once, in fp64.
Outcome plainly(const LossInput& input, double upstream) {
  const at::Tensor h = input.h_BTD.detach().to(at::kDouble).requires_grad_();
  const at::Tensor w = input.w_VD.detach().to(at::kDouble).requires_grad_();
  const at::Tensor logits = h.matmul(w.t());
  const at::Tensor p = logits.log_softmax(-1).gather(-1, input.targets_BT.unsqueeze(-1)).squeeze(-1);
  const at::Tensor mask = input.mask_BT.to(at::kDouble);
  const at::Tensor loss = -(p * mask).sum();
  const auto gradients = torch::autograd::grad({loss * upstream}, {h, w});
  const at::Tensor correct = (mask * (logits.argmax(-1) == input.targets_BT)).sum();
  return {loss.item<double>(), mask.sum().item<double>(), correct.item<double>(), gradients[0], gradients[1]};
}

Outcome chunked(const LossInput& input, double upstream) {
  const LossSums sums = masked_cross_entropy(input);
  const auto gradients = torch::autograd::grad({sums.loss * upstream}, {input.h_BTD, input.w_VD});
  return {sums.loss.item<double>(), sums.weight, sums.correct, gradients[0], gradients[1]};
}

double error(const at::Tensor& found, const at::Tensor& wanted) {
  return ((found.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
}

TEST(Loss, AgreesWithLogSoftmaxInLossGradientsAndAccuracy) {
  const Sizes sizes[] = {{3, 5, 16, 11}, {1, 1, 8, 300}, {2, 40, 24, 1000}, {4, 300, 16, 9000}};
  const std::pair<at::ScalarType, double> tolerances[] = {
      {at::kDouble, 1e-12}, {at::kFloat, 2e-6}, {at::kBFloat16, 1e-2}};
  for (const Sizes& size : sizes) {
    for (const auto& [type, tolerance] : tolerances) {
      if (size.vocabulary > 1000 && type == at::kDouble) continue;
      LossInput input = input_of(size, type);
      input.mask_BT.view(-1)[0] = 1;
      input.targets_BT.view(-1)[0] = input.w_VD.detach()
                                         .matmul(input.h_BTD.detach().view({-1, size.width})[0])
                                         .argmax();  // at least one is right
      const Outcome found = chunked(input, 0.37), wanted = plainly(input, 0.37);
      const std::string where = std::to_string(size.vocabulary) + " " + c10::toString(type);
      EXPECT_NEAR(found.loss / wanted.loss, 1, tolerance) << where;
      EXPECT_NEAR(found.weight, wanted.weight, 1e-6 * wanted.weight) << where;
      EXPECT_GT(wanted.correct, 0) << where;
      if (type != at::kBFloat16) {
        EXPECT_NEAR(found.correct, wanted.correct, 1e-4) << where;
      }
      EXPECT_LT(error(found.dh, wanted.dh), tolerance) << where;
      EXPECT_LT(error(found.dw, wanted.dw), tolerance) << where;
    }
  }
}

TEST(Loss, IsZeroWithZeroGradientsWhenNothingCounts) {
  LossInput input = input_of({2, 3, 8, 20}, at::kFloat);
  input.mask_BT = aten::zeros({2, 3});
  input.targets_BT.fill_(-100);  // what doesn't count needs no valid id
  const Outcome found = chunked(input, 1);
  EXPECT_EQ(found.loss, 0);
  EXPECT_EQ(found.weight, 0);
  EXPECT_EQ(found.correct, 0);
  EXPECT_EQ(found.dh.abs().max().item<double>(), 0);
  EXPECT_EQ(found.dw.abs().max().item<double>(), 0);
}

TEST(Loss, AddsUpBothGradientsOfATiedWeight) {
  const at::Tensor w = noise("tied", {12, 6}).requires_grad_();
  const at::Tensor ids = aten::arange(8).view({1, 8}), targets = ids + 2;
  const at::Tensor mask = aten::ones({1, 8});
  const LossSums sums = masked_cross_entropy({w.index_select(0, ids[0]).unsqueeze(0), w, targets, mask});
  const at::Tensor found = torch::autograd::grad({sums.loss}, {w})[0];
  const at::Tensor logits = w.index_select(0, ids[0]).matmul(w.t());
  const at::Tensor plain = -logits.log_softmax(-1).gather(-1, targets[0].unsqueeze(-1)).sum();
  EXPECT_LT(error(found, torch::autograd::grad({plain}, {w})[0].to(at::kDouble)), 1e-6);
}

TEST(Loss, GivesTheGradientOfOneInputWhenTheOtherIsFrozen) {
  LossInput input = input_of({2, 4, 8, 20}, at::kFloat);
  const Outcome wanted = plainly(input, 1);
  input.w_VD = input.w_VD.detach();
  const LossSums sums = masked_cross_entropy(input);
  EXPECT_LT(error(torch::autograd::grad({sums.loss}, {input.h_BTD})[0], wanted.dh), 1e-6);
}

TEST(Loss, RefusesToBeDifferentiatedTwice) {
  const LossInput input = input_of({1, 3, 8, 20}, at::kFloat);
  const LossSums sums = masked_cross_entropy(input);
  torch::autograd::grad({sums.loss}, {input.h_BTD}, {}, true);
  EXPECT_THROW(torch::autograd::grad({sums.loss}, {input.h_BTD}, {}, true), Error);
}

TEST(Loss, NamesATargetThatTheVocabularyLacks) {
  LossInput input = input_of({1, 3, 8, 20}, at::kFloat);
  input.mask_BT = aten::ones({1, 3});
  input.targets_BT[0][1] = 20;
  try {
    masked_cross_entropy(input);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_config);
    EXPECT_NE(error.message().find("token id 20"), std::string::npos) << error.message();
  }
}

TEST(Loss, StaysNotANumberWhenAnInputIs) {
  LossInput input = input_of({1, 3, 8, 40}, at::kFloat);
  input.mask_BT = aten::ones({1, 3});
  input.h_BTD.detach()[0][1][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(masked_cross_entropy(input).loss.item<double>()));
}

TEST(Loss, HoldsNoMoreLogitsThanOneChunk) {
  install_cpu_allocator();
  constexpr std::int64_t kMebi = std::int64_t{1} << 20U;
  const Sizes size{8, 512, 16, 20000};  // 312 MiB of fp32 logits
  const LossInput input = input_of(size, at::kFloat);
  reset_cpu_memory_peaks();
  const std::int64_t before = cpu_memory().in_use;
  const LossSums sums = masked_cross_entropy(input);
  torch::autograd::grad({sums.loss}, {input.h_BTD, input.w_VD});
  const std::int64_t gradients = 4 * 16 * (8 * 512 + 20000);
  EXPECT_GT(cpu_memory().peak - before, 90 * kMebi);  // the chunk was counted at all
  EXPECT_LT(cpu_memory().peak - before, 96 * kMebi + 2 * gradients + 4 * kMebi);
}

TEST(Loss, TokenLogProbabilitiesAreThoseOfLogSoftmax) {
  const LossInput input = input_of({4, 300, 16, 9000}, at::kFloat);
  const at::Tensor found = token_log_probabilities(input);
  const at::Tensor logits = input.h_BTD.matmul(input.w_VD.t()).detach().to(at::kDouble);
  const at::Tensor wanted = logits.log_softmax(-1).gather(-1, input.targets_BT.unsqueeze(-1)).squeeze(-1);
  ASSERT_EQ(found.sizes(), input.targets_BT.sizes());
  EXPECT_EQ(found.scalar_type(), at::kFloat);
  EXPECT_LT(error(found, wanted), 1e-6);
}

}  // namespace
}  // namespace easylm
