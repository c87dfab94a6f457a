// Attention as its formula says, in the inputs' own type: the oracle that other kernels are measured against.
#include <ATen/ops/einsum.h>

#include "easylm/random.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/ops.h"

namespace easylm {
namespace {

class Reference : public AttentionKernel {
 public:
  struct Config {
    static void describe(Schema<Config>&) {}
  };

  Reference(Host&, const Config&) {}

  Support supports(const AttentionQuery&) const override { return {0.1, ""}; }

  // q_BTNH → q_BTKGH (G query heads share a key head) → scores_BKGTS → p_BKGTS → o_BTKGH → o_BTNH
  AttentionResult forward(const AttentionCall& call) override {
    const at::Tensor& q = call.q_BTNH;
    const std::int64_t num_shared = q.size(2) / call.k_BSKH.size(2);
    const at::Tensor q_BTKGH = q.unflatten(2, {call.k_BSKH.size(2), num_shared});
    at::Tensor scores = at::einsum("btkgh,bskh->bkgts", {q_BTKGH, call.k_BSKH}) * call.scale;
    const at::Tensor visible_BTS = visible_keys(call.mask, q.size(1), call.k_BSKH.size(1), q.device());
    const at::Tensor hidden = visible_BTS.logical_not().unsqueeze(1).unsqueeze(1);
    scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
    // A query that sees no key has a row of -inf, whose softmax is NaN: it gets zeros instead.
    at::Tensor p = scores.softmax(-1).masked_fill(hidden, 0);
    if (call.dropout > 0) {
      p = dropout(p, call.dropout, RandomStream(call.dropout_seed, "attention dropout", 0));
    }
    AttentionResult result;
    result.o_BTNH = at::einsum("bkgts,bskh->btkgh", {p, call.v_BSKH}).flatten(2, 3);
    if (call.want_lse) {
      const at::ScalarType type = q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
      result.lse_BNT = scores.to(type).logsumexp(-1).flatten(1, 2);
    }
    return result;
  }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-attention-reference", "0.1.0") {
  registrar.component<easylm::Reference>("reference",
                                         "Plain attention in the inputs' own float type; slow and exact.");
}
