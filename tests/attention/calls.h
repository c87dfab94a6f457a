// Calls of attention kernels, and what comes of them.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"
#include "support/plugin_host.h"

namespace easylm::testing {

inline std::shared_ptr<AttentionKernel> kernel(const std::string& name) {
  static PluginHost host;
  return host.make<AttentionKernel>(table_of(name));
}

inline at::Tensor noise(const char* name, std::vector<std::int64_t> shape) {
  return aten::empty(shape, at::kDouble).normal_(0, 1, generator_of({11, name, 0}, at::kCPU));
}

struct Shape {
  std::int64_t batch, queries, keys, heads, key_heads, width;
};

// In fp64; the last query stands at the last key, if there are as many.
inline AttentionCall call_of(const Shape& s) {
  AttentionCall call;
  call.q_BTNH = noise("q", {s.batch, s.queries, s.heads, s.width});
  call.k_BSKH = noise("k", {s.batch, s.keys, s.key_heads, s.width});
  call.v_BSKH = noise("v", {s.batch, s.keys, s.key_heads, s.width});
  call.scale = 1 / std::sqrt(static_cast<double>(s.width));
  call.mask.query_offset = std::max<std::int64_t>(s.keys - s.queries, 0);
  return call;
}

inline AttentionCall in_type(AttentionCall call, at::ScalarType type) {
  for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = x->to(type);
  return call;
}

inline AttentionCall as_leaves(AttentionCall call) {
  for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = x->detach().requires_grad_();
  return call;
}

struct Outcome {
  at::Tensor o, lse, dq, dk, dv;
};

// Weights of the output whose sum is differentiated.
inline at::Tensor weights_of(const AttentionCall& call) {
  return noise("weights", call.q_BTNH.sizes().vec()).to(call.q_BTNH.scalar_type());
}

// The answer of `forward` to `call`, whose tensors are leaves, and the gradients.
template <typename Forward>
Outcome differentiated(const AttentionCall& call, Forward forward) {
  const AttentionResult result = forward(call);
  const auto gradients = torch::autograd::grad({(result.o_BTNH * weights_of(call)).sum()},
                                               {call.q_BTNH, call.k_BSKH, call.v_BSKH});
  return {result.o_BTNH.detach(), result.lse_BNT, gradients[0], gradients[1], gradients[2]};
}

inline Outcome run(AttentionKernel& kernel, const AttentionCall& call, at::ScalarType type) {
  return differentiated(as_leaves(in_type(call, type)),
                        [&](const AttentionCall& leaves) { return kernel.forward(leaves); });
}

// |found - wanted| / |wanted|, of vectors.
inline double error(const at::Tensor& found, const at::Tensor& wanted) {
  const double size = wanted.norm().item<double>();
  return (found.to(at::kDouble) - wanted).norm().item<double>() / std::max(size, 1e-30);
}

}  // namespace easylm::testing
