// Calls of attention, and what the formula in fp64 says of them.
#pragma once

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"
#include "support/plugin_host.h"

namespace easylm::testing {

struct Shape {
  std::int64_t batch, queries, keys, heads, key_heads, width;
};

inline at::Tensor noise(const char* name, std::vector<std::int64_t> shape) {
  return aten::empty(shape, at::kDouble).normal_(0, 1, generator_of({11, name, 0}, at::kCPU));
}

// In numbers that `type` can hold.
inline AttentionCall call_of(const Shape& s, at::ScalarType type) {
  const auto rounded = [&](const char* name, std::int64_t tokens, std::int64_t heads) {
    return noise(name, {s.batch, tokens, heads, s.width}).to(type);
  };
  AttentionCall call;
  call.q_BTNH = rounded("q", s.queries, s.heads);
  call.k_BSKH = rounded("k", s.keys, s.key_heads);
  call.v_BSKH = rounded("v", s.keys, s.key_heads);
  call.scale = 1 / std::sqrt(static_cast<double>(s.width));
  call.mask.query_offset = s.keys - s.queries;
  call.want_lse = true;
  return call;
}

// Documents that are `length` tokens long, one after the other.
inline void add_documents(AttentionCall& call, std::int64_t length) {
  const std::int64_t keys = call.k_BSKH.size(1), queries = call.q_BTNH.size(1);
  const at::Tensor all_BS =
      aten::arange(keys).div(length, "floor").to(at::kInt).expand({call.q_BTNH.size(0), keys}).contiguous();
  call.mask.segments_k_BS = all_BS;
  call.mask.segments_q_BT = all_BS.narrow(1, keys - queries, queries).clone();
}

struct Outcome {
  at::Tensor o, lse, dq, dk, dv;
};

using Attend = std::function<AttentionResult(const AttentionCall&)>;

// The answer, and its gradients under a fixed weighting of the output.
inline Outcome outcome_of(const Attend& attend, AttentionCall call) {
  for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = x->detach().requires_grad_();
  const AttentionResult result = attend(call);
  const at::Tensor weights = noise("weights", result.o_BTNH.sizes().vec()).to(at::kBFloat16);
  const auto gradients = torch::autograd::grad({result.o_BTNH}, {call.q_BTNH, call.k_BSKH, call.v_BSKH},
                                               {weights.to(result.o_BTNH.scalar_type())});
  return {result.o_BTNH.detach(), result.lse_BNT, gradients[0], gradients[1], gradients[2]};
}

inline Outcome formula(AttentionCall call) {
  static PluginHost host;
  static const auto reference = host.make<AttentionKernel>(table_of("reference"));
  for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = x->to(at::kDouble);
  return outcome_of([](const AttentionCall& same) { return reference->forward(same); }, call);
}

// Relative to the norm, or, of what cancels to nearly 0, to 1.
inline double error(const at::Tensor& found, const at::Tensor& wanted) {
  const double size = wanted.to(at::kDouble).norm().item<double>();
  return (found.to(at::kDouble) - wanted.to(at::kDouble)).norm().item<double>() / std::max(size, 1.0);
}

// The worst of output and gradients.
inline double error(const Outcome& found, const Outcome& wanted) {
  return std::max({error(found.o, wanted.o), error(found.dq, wanted.dq), error(found.dk, wanted.dk),
                   error(found.dv, wanted.dv)});
}

inline bool same_bits(const Outcome& a, const Outcome& b) {
  return aten::equal(a.o, b.o) && aten::equal(a.lse, b.lse) && aten::equal(a.dq, b.dq) &&
         aten::equal(a.dk, b.dk) && aten::equal(a.dv, b.dv);
}

}  // namespace easylm::testing
