// Adafactor without factoring.
#include "easylm/tensor/adafactor.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/simd.h"

namespace easylm {
namespace {

constexpr double kSmallestScale = 1e-3;
constexpr double kEpsilon = 1e-30;

struct Coefficients {
  float gradient_scale;
  float b1, rest1, b2, rest2;  // a decay and what is left of one, which fp32 can't take from 1 exactly
  float step, decay;
};

EASYLM_SIMD void sweep(float* __restrict__ p, const float* __restrict__ g, float* __restrict__ m,
                       float* __restrict__ v, std::int64_t size, const Coefficients& c) {
  const auto epsilon = static_cast<float>(kEpsilon);
  for (std::int64_t i = 0; i < size; ++i) {
    const float gradient = g[i] * c.gradient_scale;
    v[i] = c.b2 * v[i] + c.rest2 * (gradient * gradient + epsilon);
    m[i] = c.b1 * m[i] + c.rest1 * (c.step * gradient / std::sqrt(v[i]));
    p[i] -= m[i] + c.decay * p[i];
  }
}

// The same with LibTorch's operators, for other devices.
void update_by_operators(const UpdateTensors& tensors, const Coefficients& c) {
  const at::Tensor gradient = tensors.gradient.to(at::kFloat) * c.gradient_scale;
  tensors.second.mul_(c.b2).add_(gradient * gradient + kEpsilon, c.rest2);
  const at::Tensor first =
      tensors.first.to(at::kFloat) * c.b1 + gradient / tensors.second.sqrt() * (c.step * c.rest1);
  tensors.first.copy_(first);
  tensors.parameter.sub_(first + tensors.parameter * c.decay);
}

double root_mean_square(const at::Tensor& x) {
  const double norm = x.norm(2).item<double>();
  return norm / std::sqrt(static_cast<double>(std::max<std::int64_t>(x.numel(), 1)));
}

}  // namespace

void adafactor_update(const UpdateTensors& tensors, const AdafactorRule& rule) {
  const double scale = std::max(root_mean_square(tensors.parameter), kSmallestScale);
  const double rest2 = std::pow(static_cast<double>(rule.update + 1), -rule.b2);
  const Coefficients c = {static_cast<float>(rule.gradient_scale),
                          static_cast<float>(rule.b1),
                          static_cast<float>(1 - rule.b1),
                          static_cast<float>(1 - rest2),
                          static_cast<float>(rest2),
                          static_cast<float>(rule.learning_rate * scale),
                          static_cast<float>(rule.weight_decay)};
  if (!tensors.parameter.is_cpu()) return update_by_operators(tensors, c);
  update_by_blocks(tensors, [&c](const UpdateBlock& block) {
    sweep(block.parameter, block.gradient, block.first, block.second, block.size, c);
  });
}

}  // namespace easylm
