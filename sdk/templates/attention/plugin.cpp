// Attention as its formula says. Replace forward() by your own.
#include <cmath>

#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
using namespace easylm;

struct @Name@ : AttentionKernel {
  struct Config {
    static void describe(Schema<Config>&) {}
  };
  @Name@(Host&, const Config&) {}

  Support supports(const AttentionQuery& query) const override {
    if (query.dropout) return {0, "it has no dropout"};
    return {0.1, ""};
  }

  AttentionResult forward(const AttentionCall& call) override {
    if (call.dropout > 0) throw Error(ErrorCode::unsupported, "@name@ has no dropout");
    const at::Tensor q_BNTH = call.q_BTNH.transpose(1, 2);
    const auto shared = q_BNTH.size(1) / call.k_BSKH.size(2);  // this many query heads use one key head
    const at::Tensor k_BNSH = call.k_BSKH.repeat_interleave(shared, 2).transpose(1, 2);
    const at::Tensor v_BNSH = call.v_BSKH.repeat_interleave(shared, 2).transpose(1, 2);
    const at::Tensor hidden_B1TS =
        visible_keys(call.mask, q_BNTH.size(2), k_BNSH.size(2), q_BNTH.device()).logical_not().unsqueeze(1);
    const at::Tensor scores_BNTS =
        (q_BNTH.matmul(k_BNSH.transpose(2, 3)) * call.scale).masked_fill(hidden_B1TS, -INFINITY);
    const at::Tensor p_BNTS = scores_BNTS.softmax(-1).masked_fill(hidden_B1TS, 0);
    return {p_BNTS.matmul(v_BNSH).transpose(1, 2),
            call.want_lse ? scores_BNTS.to(at::kFloat).logsumexp(-1) : at::Tensor()};
  }
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "Attention as its formula says."); }
