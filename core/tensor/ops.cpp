// The shared operations as compositions of LibTorch's own.
#include "easylm/tensor/ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>

#include "easylm/tensor/device.h"

namespace easylm {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double epsilon) {
  const at::ScalarType wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor x_wide = x.to(wide);
  const at::Tensor mean = x_wide.square().mean(-1, true);
  return weight_D * (x_wide * at::rsqrt(mean + epsilon)).to(x.scalar_type());
}

at::Tensor rotary(const at::Tensor& x_BTNH, const RotaryAngles& angles) {
  const at::ScalarType type = x_BTNH.scalar_type();
  const at::Tensor cos = angles.cos.unsqueeze(-2).to(type);
  const at::Tensor sin = angles.sin.unsqueeze(-2).to(type);
  const std::int64_t half = x_BTNH.size(-1) / 2;
  const at::Tensor low = x_BTNH.narrow(-1, 0, half);
  const at::Tensor high = x_BTNH.narrow(-1, half, half);
  return at::cat({low * cos - high * sin, high * cos + low * sin}, -1);
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) { return at::silu(gate) * up; }

at::Tensor dropout(const at::Tensor& x, double probability, const RandomStream& stream) {
  if (probability <= 0) return x;
  const double keep = 1 - probability;
  const at::Tensor kept = at::empty_like(x.detach()).bernoulli_(keep, generator_of(stream, x.device()));
  return x * kept.div_(keep);
}

}  // namespace easylm
