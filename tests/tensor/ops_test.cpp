// Each shared operation against its formula in fp64, forward and backward.
#include "easylm/tensor/ops.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <functional>
#include <string>
#include <vector>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"

namespace easylm {
namespace {

using Tensors = std::vector<at::Tensor>;
using Operation = std::function<at::Tensor(const Tensors&)>;

at::Tensor noise(const std::string& name, std::vector<std::int64_t> shape) {
  return aten::empty(shape, at::kDouble).normal_(0, 1, generator_of({31, name, 0}, at::kCPU));
}

double error(const at::Tensor& found, const at::Tensor& wanted) {
  return ((found.to(at::kDouble) - wanted).norm() / wanted.norm()).item<double>();
}

struct Precision {
  at::ScalarType type;
  double tolerance;
};
constexpr Precision kPrecisions[] = {{at::kDouble, 1e-12}, {at::kFloat, 1e-6}, {at::kBFloat16, 1e-2}};

// `found` on inputs rounded to each dtype against `wanted` in fp64 on the same inputs.
void expect_agreement(const std::string& what, const Tensors& inputs, const Operation& found,
                      const Operation& wanted) {
  for (const Precision& precision : kPrecisions) {
    Tensors rounded, exact;
    for (const at::Tensor& input : inputs) {
      rounded.push_back(input.to(precision.type).detach().requires_grad_());
      exact.push_back(input.to(precision.type).to(at::kDouble).detach().requires_grad_());
    }
    const at::Tensor y = found(rounded), z = wanted(exact);
    ASSERT_EQ(y.scalar_type(), precision.type) << what;
    ASSERT_EQ(y.sizes(), z.sizes()) << what;
    const std::string where = what + " " + c10::toString(precision.type);
    EXPECT_LT(error(y, z), precision.tolerance) << where;
    const at::Tensor upstream = noise("upstream", z.sizes().vec()).to(precision.type);
    const auto dy = torch::autograd::grad({y}, rounded, {upstream});
    const auto dz = torch::autograd::grad({z}, exact, {upstream.to(at::kDouble)});
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_LT(error(dy[i], dz[i]), precision.tolerance) << where << " gradient " << i;
    }
  }
}

const std::vector<std::int64_t> kWidths = {3, 7, 32, 64, 100, 576};

TEST(Ops, RmsNormIsItsFormula) {
  for (const std::int64_t width : kWidths) {
    expect_agreement(
        "rms_norm " + std::to_string(width), {noise("x", {3, 11, width}), noise("w", {width})},
        [](const Tensors& in) { return rms_norm(in[0], in[1], 1e-5); },
        [](const Tensors& in) { return in[0] * (in[0].square().mean(-1, true) + 1e-5).rsqrt() * in[1]; });
  }
}

TEST(Ops, RmsNormTakesViewsAndFrozenWeights) {
  const at::Tensor base = noise("x", {4, 6, 32}).to(at::kFloat).requires_grad_();
  const at::Tensor w = noise("w", {32}).to(at::kFloat);
  const at::Tensor view = base.transpose(0, 1);
  const at::Tensor y = rms_norm(view, w, 1e-5);
  EXPECT_TRUE(aten::equal(y, rms_norm(view.contiguous(), w, 1e-5)));
  const at::Tensor dx = torch::autograd::grad({y.square().sum()}, {base})[0];
  EXPECT_TRUE(dx.isfinite().all().item<bool>());
  EXPECT_FALSE(rms_norm(base.detach(), w, 1e-5).requires_grad());
}

TEST(Ops, SwigluIsItsFormula) {
  for (const std::int64_t width : kWidths) {
    expect_agreement(
        "swiglu " + std::to_string(width), {noise("gate", {5, 9, width}) * 3, noise("up", {5, 9, width})},
        [](const Tensors& in) { return swiglu(in[0], in[1]); },
        [](const Tensors& in) { return in[0] * in[0].sigmoid() * in[1]; });
  }
}

TEST(Ops, SwigluSurvivesExtremes) {
  const at::Tensor gate = at::tensor({-1e4F, -90.0F, 0.0F, 90.0F, 1e4F}).requires_grad_();
  const at::Tensor up = aten::ones({5}).requires_grad_();
  const at::Tensor y = swiglu(gate, up);
  EXPECT_TRUE(y.allclose(at::tensor({0.0F, 0.0F, 0.0F, 90.0F, 1e4F}), 1e-6, 1e-6));
  const auto gradients = torch::autograd::grad({y.sum()}, {gate, up});
  EXPECT_TRUE(gradients[0].allclose(at::tensor({0.0F, 0.0F, 0.5F, 1.0F, 1.0F}), 1e-6, 1e-6));
  const at::Tensor poisoned = aten::full({3}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(swiglu(poisoned, aten::ones({3})).isnan().all().item<bool>());
}

at::Tensor rotate_half(const at::Tensor& x) {
  const std::int64_t half = x.size(-1) / 2;
  return aten::cat({-x.narrow(-1, half, half), x.narrow(-1, 0, half)}, -1);
}

// As transformers writes it, with doubled tables.
at::Tensor rotary_formula(const at::Tensor& x, const RotaryAngles& angles) {
  const at::Tensor cos = aten::cat({angles.cos, angles.cos}, -1).unsqueeze(-2).to(x.scalar_type());
  const at::Tensor sin = aten::cat({angles.sin, angles.sin}, -1).unsqueeze(-2).to(x.scalar_type());
  return x * cos + rotate_half(x) * sin;
}

TEST(Ops, RotaryIsItsFormula) {
  for (const std::int64_t width : {2, 6, 16, 64, 128}) {
    for (const bool per_row : {false, true}) {
      std::vector<std::int64_t> shape = {5, width / 2};
      if (per_row) shape.insert(shape.begin(), 3);
      const at::Tensor turn = noise("angles", shape).to(at::kFloat) * 3;
      const RotaryAngles angles{turn.cos(), turn.sin()};
      expect_agreement(
          "rotary " + std::to_string(width), {noise("x", {3, 5, 4, width})},
          [&](const Tensors& in) { return rotary(in[0], angles); },
          [&](const Tensors& in) { return rotary_formula(in[0], angles); });
    }
  }
}

TEST(Ops, DropoutDropsAtItsRateAndScalesTheRest) {
  const at::Tensor x = aten::ones({200, 500}).requires_grad_();
  const at::Tensor y = dropout(x, 0.3, {1, "here", 0});
  EXPECT_NEAR((y == 0).to(at::kDouble).mean().item<double>(), 0.3, 0.01);
  EXPECT_NEAR(y.max().item<double>(), 1 / 0.7, 1e-6);
  EXPECT_TRUE(aten::equal(y, dropout(x, 0.3, {1, "here", 0})));
  EXPECT_FALSE(aten::equal(y, dropout(x, 0.3, {1, "here", 1})));
  EXPECT_TRUE(aten::equal(torch::autograd::grad({y.sum()}, {x})[0], y));
  EXPECT_TRUE(dropout(x, 0, {1, "here", 0}).is_same(x));
}

}  // namespace
}  // namespace easylm
