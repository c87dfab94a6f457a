// Attention by the emulated plugin and by the plain formula in fp64, side by side.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "bpt_cuda/bpt_cuda.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"
#include "support/plugin_host.h"

namespace easylm::testing {

inline PluginHost& host() {
  static PluginHost the_host;
  return the_host;
}

inline bpt_cuda::BptCuda plugin() { return {host(), {}}; }

inline AttentionKernel& reference() {
  static const auto kernel = host().make<AttentionKernel>(table_of("reference"));
  return *kernel;
}

inline at::Tensor noise(const char* name, std::vector<std::int64_t> shape) {
  return aten::empty(shape, at::kDouble).normal_(0, 1, generator_of({11, name, 0}, at::kCPU));
}

struct Sizes {
  std::int64_t batch = 2, queries = 70, keys = 70, heads = 4, key_heads = 2, width = 64;
};

inline AttentionCall call_of(const Sizes& s, at::ScalarType type = at::kBFloat16) {
  AttentionCall call;
  call.q_BTNH = noise("q", {s.batch, s.queries, s.heads, s.width}).to(type);
  call.k_BSKH = noise("k", {s.batch, s.keys, s.key_heads, s.width}).to(type);
  call.v_BSKH = noise("v", {s.batch, s.keys, s.key_heads, s.width}).to(type);
  call.scale = 1 / std::sqrt(static_cast<double>(s.width));
  call.mask.query_offset = s.keys - s.queries;
  call.want_lse = true;
  return call;
}

struct Outcome {
  at::Tensor o, lse;
  std::vector<at::Tensor> gradients;  // of q, k, v
};

// Under a fixed weighting of the output.
inline Outcome run(AttentionKernel& kernel, AttentionCall call) {
  for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = x->detach().requires_grad_();
  const AttentionResult result = kernel.forward(call);
  const at::Tensor weights = noise("weights", result.o_BTNH.sizes().vec()).to(result.o_BTNH.scalar_type());
  return {result.o_BTNH.detach(), result.lse_BNT,
          torch::autograd::grad({(result.o_BTNH * weights).sum()}, {call.q_BTNH, call.k_BSKH, call.v_BSKH})};
}

inline Outcome run_reference(AttentionCall call) {
  for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = x->to(at::kDouble);
  return run(reference(), call);
}

// Relative to the size of what is wanted; infinity for a NaN.
inline double error(const at::Tensor& found, const at::Tensor& wanted) {
  const double size = std::max(wanted.to(at::kDouble).norm().item<double>(), 1e-30);
  const double difference = (found.to(at::kDouble) - wanted.to(at::kDouble)).norm().item<double>() / size;
  return std::isnan(difference) ? INFINITY : difference;
}

// A tensor of 16-bit numbers is rounded once, and so are the probabilities that it is made of.
inline double tolerance(at::ScalarType type) { return type == at::kHalf ? 1e-3 : 8e-3; }

// All but log-sum-exps of -inf.
inline double lse_error(const at::Tensor& found, const at::Tensor& wanted) {
  const at::Tensor blind = wanted.isinf();
  if (!found.isinf().equal(blind)) return INFINITY;
  return error(found.masked_fill(blind, 0), wanted.masked_fill(blind, 0));
}

}  // namespace easylm::testing
