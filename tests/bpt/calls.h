// Calls of blockwise attention, and what the formula in fp64 says of them.
#pragma once

#include <algorithm>
#include <functional>

#include "attention/calls.h"

namespace easylm::testing {

// In numbers that `type` can hold.
inline AttentionCall call_of(const Shape& shape, at::ScalarType type) {
  AttentionCall call = in_type(call_of(shape), type);
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

using Attend = std::function<AttentionResult(const AttentionCall&)>;

// Weights of the output that every dtype can hold.
inline at::Tensor common_weights(const at::Tensor& o, at::ScalarType type) {
  return noise("weights", o.sizes().vec()).to(at::kBFloat16).to(type);
}

inline Outcome outcome_of(const Attend& attend, const AttentionCall& call) {
  const AttentionCall leaves = as_leaves(call);
  const AttentionResult result = attend(leaves);
  const auto gradients = torch::autograd::grad({result.o_BTNH}, {leaves.q_BTNH, leaves.k_BSKH, leaves.v_BSKH},
                                               {common_weights(result.o_BTNH, result.o_BTNH.scalar_type())});
  return {result.o_BTNH.detach(), result.lse_BNT, gradients[0], gradients[1], gradients[2]};
}

inline Outcome formula(const AttentionCall& call) {
  return outcome_of([](const AttentionCall& same) { return kernel("reference")->forward(same); },
                    in_type(call, at::kDouble));
}

// Relative to the norm, or, of what cancels to nearly 0, to 1.
inline double distance(const at::Tensor& found, const at::Tensor& wanted) {
  const at::Tensor wide = wanted.to(at::kDouble);
  const double size = wide.norm().item<double>();
  return (found.to(at::kDouble) - wide).norm().item<double>() / std::max(size, 1.0);
}

// The worst of output and gradients.
inline double distance(const Outcome& found, const Outcome& wanted) {
  return std::max({distance(found.o, wanted.o), distance(found.dq, wanted.dq), distance(found.dk, wanted.dk),
                   distance(found.dv, wanted.dv)});
}

inline bool same_bits(const Outcome& a, const Outcome& b) {
  return aten::equal(a.o, b.o) && aten::equal(a.lse, b.lse) && aten::equal(a.dq, b.dq) &&
         aten::equal(a.dk, b.dk) && aten::equal(a.dv, b.dv);
}

}  // namespace easylm::testing
