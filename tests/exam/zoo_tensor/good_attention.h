// A right attention kernel, whose steps the bad ones replace.
#pragma once

#include <ATen/ops/einsum.h>

#include <limits>

#include "easylm/error.h"
#include "easylm/random.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/ops.h"

namespace easylm {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// What the others break a rule of: the formula, whose steps can be replaced.
class Good : public AttentionKernel {
 public:
  struct Config {
    static void describe(Schema<Config>&) {}
  };
  Good(Host& /*host*/, const Config& /*config*/) {}

  Support supports(const AttentionQuery& query) const override {
    const bool knows =
        query.dtype == at::kFloat || query.dtype == at::kBFloat16 || query.dtype == at::kDouble;
    return knows ? Support{1, ""} : Support{0, "it computes in fp32, bf16 and fp64 only"};
  }

  AttentionResult forward(const AttentionCall& call) override {
    const Support support = supports(query_of(call));
    if (support.score <= 0) throw Error(ErrorCode::unsupported, support.reason);
    return attend(call);
  }

 protected:
  virtual AttentionResult attend(const AttentionCall& call) {
    const at::Tensor hidden =
        visible_keys(call.mask, call.q_BTNH.size(1), call.k_BSKH.size(1), at::kCPU).logical_not();
    const at::Tensor hidden_B1TS = hidden.unsqueeze(1);
    const at::Tensor scores_BNTS =
        at::einsum("btnh,bsnh->bnts", {call.q_BTNH, spread(call, call.k_BSKH)}) * call.scale;
    at::Tensor p = probabilities(scores_BNTS, hidden_B1TS);
    if (call.dropout > 0) p = drop(p, call);
    AttentionResult result{at::einsum("bnts,bsnh->btnh", {p, spread(call, call.v_BSKH)}), {}};
    if (call.want_lse) {
      result.lse_BNT = scores_BNTS.to(at::kFloat).masked_fill(hidden_B1TS, kNothing).logsumexp(-1);
    }
    return result;
  }

  // A head of keys or values for each head of queries.
  virtual at::Tensor spread(const AttentionCall& call, const at::Tensor& x_BSKH) const {
    return x_BSKH.repeat_interleave(call.q_BTNH.size(2) / x_BSKH.size(2), 2);
  }

  virtual at::Tensor probabilities(const at::Tensor& scores, const at::Tensor& hidden) const {
    return scores.masked_fill(hidden, kNothing).softmax(-1).masked_fill(hidden, 0);
  }

  virtual at::Tensor drop(const at::Tensor& p, const AttentionCall& call) {
    return dropout(p, call.dropout, RandomStream(call.dropout_seed, "dropout", 0));
  }
};

}  // namespace
}  // namespace easylm
