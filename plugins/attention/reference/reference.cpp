// Attention as its formula says, in the inputs' own type: the oracle that other kernels are measured against.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/einsum.h>

#include <limits>
#include <vector>

#include "easylm/random.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/ops.h"
#include "easylm/tensor/paged_attention.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm {
namespace {

// It has no layer in chunks: what such a layer is measured against is this kernel on all tokens at once.
class Reference : public AttentionKernel, public VarlenAttention, public PagedAttention {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;  // not the extensions'
  struct Config {
    static void describe(Schema<Config>&) {}
  };

  Reference(Host&, const Config&) {}

  void* extension(std::string_view id) override {
    if (id == VarlenAttention::kInterface) return static_cast<VarlenAttention*>(this);
    if (id == PagedAttention::kInterface) return static_cast<PagedAttention*>(this);
    return nullptr;
  }

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

  VarlenResult forward_varlen(const VarlenCall& call) override {
    check_varlen(call);
    const auto starts_q = call.starts_q.contiguous(), starts_k = call.starts_k.contiguous();
    const auto *begin_q = starts_q.const_data_ptr<std::int32_t>(),
               *begin_k = starts_k.const_data_ptr<std::int32_t>();
    // From tensors without a token, so that there is something to put end to end.
    std::vector<at::Tensor> o_TNH{call.q_TNH.narrow(0, 0, 0)}, lse_NT;
    for (std::int64_t i = 0; i + 1 < starts_q.size(0); ++i) {
      const auto row = [](const at::Tensor& x, const std::int32_t* begin) {
        return x.narrow(0, begin[0], begin[1] - begin[0]).unsqueeze(0);
      };
      AttentionCall one{row(call.q_TNH, begin_q + i), row(call.k_SKH, begin_k + i),
                        row(call.v_SKH, begin_k + i)};
      one.mask.causal = call.causal;
      one.mask.window = call.window;
      one.mask.query_offset = one.k_BSKH.size(1) - one.q_BTNH.size(1);
      one.scale = call.scale;
      one.want_lse = true;
      const AttentionResult result = forward(one);
      o_TNH.push_back(result.o_BTNH[0]);
      lse_NT.push_back(result.lse_BNT[0].detach());
    }
    if (lse_NT.empty())
      lse_NT.push_back(aten::empty({call.q_TNH.size(1), 0}, call.q_TNH.options().dtype(at::kFloat)));
    return {aten::cat(o_TNH), aten::cat(lse_NT, 1)};
  }

  at::Tensor forward_paged(const PagedCall& call) override {
    const at::NoGradGuard no_grad;
    const at::Tensor lengths = call.lengths_B.to(at::kCPU), table = call.block_table_BM.to(at::kCPU);
    check_paged({call.q_BTNH, call.k_PSKH, call.v_PSKH, table, lengths});
    const std::int64_t num_queries = call.q_BTNH.size(1), page_size = call.k_PSKH.size(1);
    at::Tensor o_BTNH = aten::zeros(call.q_BTNH.sizes(), call.q_BTNH.options());
    for (std::int64_t b = 0; b < lengths.size(0); ++b) {
      const auto length = lengths[b].item<std::int64_t>();
      const at::Tensor pages =
          table[b].narrow(0, 0, (length + page_size - 1) / page_size).to(call.q_BTNH.device());
      const auto row = [&](const at::Tensor& x_PSKH) {
        return x_PSKH.index_select(0, pages).flatten(0, 1).narrow(0, 0, length).unsqueeze(0);
      };
      AttentionCall one{call.q_BTNH.narrow(0, b, 1), row(call.k_PSKH), row(call.v_PSKH)};
      one.mask.window = call.window;
      one.mask.query_offset = length - num_queries;
      one.scale = call.scale;
      o_BTNH.narrow(0, b, 1).copy_(forward(one).o_BTNH);
    }
    return o_BTNH;
  }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-attention-reference", "0.1.0") {
  registrar.component<easylm::Reference>("reference",
                                         "Plain attention in the inputs' own float type; slow and exact.");
}
