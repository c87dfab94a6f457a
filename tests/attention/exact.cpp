// softmax(scale · q k^T, over the keys that are seen) · v, a head and a block of queries at a time.
#include "exact.h"

namespace easylm::testing {
namespace {

constexpr std::int64_t kBlock = 512;

struct Head {
  at::Tensor q_TH, k_SH, v_SH, do_TH;
  at::Tensor o_TH, lse_T, dq_TH, dk_SH, dv_SH;  // views of what is written
};

at::Tensor hidden_pairs(const AttentionMask& mask, std::int64_t b, std::int64_t begin,
                        at::IntArrayRef sizes) {
  at::Tensor hidden = aten::zeros(sizes, at::kBool);
  bool* out = hidden.mutable_data_ptr<bool>();
  for (std::int64_t t = 0; t < sizes[0]; ++t) {
    for (std::int64_t s = 0; s < sizes[1]; ++s) *out++ = !sees(mask, b, begin + t, s);
  }
  return hidden;
}

// p = exp(s - lse); dv += p^T do; dp = do v^T; ds = p (dp - sum(do o)); dq = ds k; dk += ds^T q.
void attend_block(const Head& head, std::int64_t begin, const at::Tensor& hidden, double scale) {
  const std::int64_t size = hidden.size(0);
  const at::Tensor q = head.q_TH.narrow(0, begin, size), d_o = head.do_TH.narrow(0, begin, size);
  const at::Tensor scores =
      q.matmul(head.k_SH.t()).mul(scale).masked_fill(hidden, -std::numeric_limits<double>::infinity());
  const at::Tensor lse_T = scores.logsumexp(1);
  const at::Tensor p = (scores - lse_T.unsqueeze(1)).exp().masked_fill(hidden, 0);
  const at::Tensor o = p.matmul(head.v_SH);
  head.o_TH.narrow(0, begin, size).copy_(o);
  head.lse_T.narrow(0, begin, size).copy_(lse_T);
  head.dv_SH.add_(p.t().matmul(d_o));
  const at::Tensor ds = p * (d_o.matmul(head.v_SH.t()) - (d_o * o).sum(1, true)) * scale;
  head.dq_TH.narrow(0, begin, size).copy_(ds.matmul(head.k_SH));
  head.dk_SH.add_(ds.t().matmul(q));
}

}  // namespace

bool sees(const AttentionMask& mask, std::int64_t b, std::int64_t t, std::int64_t s) {
  const std::int64_t position = mask.query_offset + t;
  if (mask.causal && s > position) return false;
  if (mask.window > 0 && position - s >= mask.window) return false;
  const auto at_place = [](const at::Tensor& x, std::int64_t row, std::int64_t column) {
    return row * x.stride(0) + column * x.stride(1);
  };
  if (mask.segments_q_BT.defined()) {
    const at::Tensor &q = mask.segments_q_BT, &k = mask.segments_k_BS;
    if (q.const_data_ptr<int>()[at_place(q, b, t)] != k.const_data_ptr<int>()[at_place(k, b, s)])
      return false;
  }
  const at::Tensor& keep = mask.keep_BS;
  return !keep.defined() || s == position || keep.const_data_ptr<bool>()[at_place(keep, b, s)];
}

Outcome exactly(const AttentionCall& call) {
  const AttentionCall wide = in_type(call, at::kDouble);
  const at::Tensor q = wide.q_BTNH.detach(), k = wide.k_BSKH.detach(), v = wide.v_BSKH.detach();
  const at::Tensor d_o = weights_of(call).to(at::kDouble);
  const std::int64_t num_queries = q.size(1), num_heads = q.size(2), shared = num_heads / k.size(2);
  Outcome out{q.new_zeros(q.sizes()), q.new_zeros({q.size(0), num_heads, num_queries}),
              q.new_zeros(q.sizes()), k.new_zeros(k.sizes()), v.new_zeros(v.sizes())};
  for (std::int64_t b = 0; b < q.size(0); ++b) {
    for (std::int64_t begin = 0; begin < num_queries; begin += kBlock) {
      const std::int64_t size = std::min(kBlock, num_queries - begin);
      const at::Tensor hidden = hidden_pairs(call.mask, b, begin, {size, k.size(1)});
      for (std::int64_t n = 0; n < num_heads; ++n) {
        const auto of = [&](const at::Tensor& x, std::int64_t head) { return x[b].select(1, head); };
        attend_block({of(q, n), of(k, n / shared), of(v, n / shared), of(d_o, n), of(out.o, n), out.lse[b][n],
                      of(out.dq, n), of(out.dk, n / shared), of(out.dv, n / shared)},
                     begin, hidden, call.scale);
      }
    }
  }
  return out;
}

}  // namespace easylm::testing
