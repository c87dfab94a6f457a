// The few operations that LLaMA-like models share and LibTorch lacks in one piece: each differentiable, each
// one sweep over memory on a CPU, and a composition of LibTorch's own operations on any other device.
//
// Shape suffixes as in model.h; a shape [..., D] has any leading dimensions.
#pragma once

#include <ATen/core/Tensor.h>

#include "easylm/export.h"
#include "easylm/random.h"

namespace easylm {

// x / sqrt(mean(x²) + epsilon) · weight over the last dimension: [..., D] → [..., D]. Computed in fp32,
// rounded once to x's dtype before the product with the weight and once after it, as transformers does.
EASYLM_API at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double epsilon);

// What a rotary embedding turns by: cosine and sine of position times frequency, fp32, [T, H/2] or [B, T,
// H/2].
struct RotaryAngles {
  at::Tensor cos, sin;
};

// Turns the pairs (x[i], x[i + H/2]) of every head ("rotate half"): [B, T, N, H] → [B, T, N, H].
EASYLM_API at::Tensor rotary(const at::Tensor& x_BTNH, const RotaryAngles& angles);

// silu(gate) · up: [..., F] → [..., F]. Keeps its two inputs for the backward pass and nothing else.
EASYLM_API at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);

// Zeroes each element with `probability` and scales the others by 1 / (1 - probability). The elements are
// drawn from `stream`, so the same stream drops the same ones.
EASYLM_API at::Tensor dropout(const at::Tensor& x, double probability, const RandomStream& stream);

}  // namespace easylm
