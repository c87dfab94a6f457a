// Attention as its formula says, in the inputs' own type: the oracle that other kernels are measured against.
#include <ATen/TensorOperators.h>
#include <ATen/ops/einsum.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/softmax.h>

#include "easylm/random.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/ops.h"

namespace {

using easylm::AttentionCall;

class Reference : public easylm::AttentionKernel {
 public:
  struct Config {
    static void describe(easylm::Schema<Config>&) {}
  };

  Reference(easylm::Host&, const Config&) {}

  easylm::Support supports(const easylm::AttentionQuery&) const override { return {0.1, ""}; }

  // q_BTNH → q_BTKGH (G query heads share a key head) → scores_BKGTS → p_BKGTS → o_BTKGH → o_BTNH
  easylm::AttentionResult forward(const AttentionCall& call) override {
    const at::Tensor& q = call.q_BTNH;
    const std::int64_t num_shared = q.size(2) / call.k_BSKH.size(2);
    const at::Tensor q_BTKGH = q.unflatten(2, {call.k_BSKH.size(2), num_shared});
    at::Tensor scores = at::einsum("btkgh,bskh->bkgts", {q_BTKGH, call.k_BSKH}) * call.scale;
    const at::Tensor visible_BTS =
        easylm::visible_keys(call.mask, q.size(1), call.k_BSKH.size(1), q.device());
    const at::Tensor hidden = visible_BTS.logical_not().unsqueeze(1).unsqueeze(1);
    scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
    // A query that sees no key has a row of -inf, whose softmax is NaN: it gets zeros instead.
    at::Tensor p = at::softmax(scores, -1).masked_fill(hidden, 0);
    if (call.dropout > 0) {
      p = easylm::dropout(p, call.dropout, easylm::RandomStream(call.dropout_seed, "attention dropout", 0));
    }
    easylm::AttentionResult result;
    result.o_BTNH = at::einsum("bkgts,bskh->btkgh", {p, call.v_BSKH}).flatten(2, 3);
    if (call.want_lse) {
      const at::ScalarType type = q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
      result.lse_BNT = at::logsumexp(scores.to(type), -1).flatten(1, 2);
    }
    return result;
  }
};

}  // namespace

EASYLM_PLUGIN("easylm-attention-reference", "0.1.0") {
  registrar.component<Reference>("reference",
                                 "Plain attention in the inputs' own float type; slow and exact.");
}
