// One head of one row at a time: softmax(scale · q k^T, over the keys that are seen) · v.
#include "attention_oracle.h"

#include <cmath>
#include <limits>

#include "easylm/tensor/aten.h"

namespace easylm::exam {
namespace {

at::Tensor seen_keys(const AttentionMask& mask, std::int64_t b, std::int64_t num_queries,
                     std::int64_t num_keys) {
  at::Tensor seen_TS = aten::zeros({num_queries, num_keys}, at::kBool);
  bool* out = seen_TS.mutable_data_ptr<bool>();
  for (std::int64_t t = 0; t < num_queries; ++t) {
    for (std::int64_t s = 0; s < num_keys; ++s) *out++ = sees(mask, b, t, s);
  }
  return seen_TS;
}

// On the CPU, so that they can be read one by one.
AttentionMask readable(AttentionMask mask) {
  for (at::Tensor* tensor : {&mask.segments_q_BT, &mask.segments_k_BS, &mask.keep_BS}) {
    if (tensor->defined()) *tensor = tensor->contiguous();
  }
  return mask;
}

}  // namespace

bool sees(const AttentionMask& mask, std::int64_t b, std::int64_t t, std::int64_t s) {
  const std::int64_t position = mask.query_offset + t;
  if (mask.causal && s > position) return false;
  if (mask.window > 0 && position - s >= mask.window) return false;
  if (mask.segments_q_BT.defined()) {
    const at::Tensor &q = mask.segments_q_BT, &k = mask.segments_k_BS;
    const auto document = q.const_data_ptr<std::int32_t>()[b * q.stride(0) + t * q.stride(1)];
    if (document != k.const_data_ptr<std::int32_t>()[b * k.stride(0) + s * k.stride(1)]) return false;
  }
  if (!mask.keep_BS.defined() || s == position) return true;
  return mask.keep_BS.const_data_ptr<bool>()[b * mask.keep_BS.stride(0) + s * mask.keep_BS.stride(1)];
}

Attended attend_exactly(const AttentionCall& call, const at::Tensor& weights_BTNH) {
  const bool differentiates = weights_BTNH.defined();
  const auto exact = [&](const at::Tensor& x) {
    return x.detach().to(at::kDouble).contiguous().requires_grad_(differentiates);
  };
  const at::Tensor q = exact(call.q_BTNH), k = exact(call.k_BSKH), v = exact(call.v_BSKH);
  const AttentionMask mask = readable(call.mask);
  const std::int64_t shared = q.size(2) / k.size(2);
  Tensors o_BTNH, lse_BNT;
  for (std::int64_t b = 0; b < q.size(0); ++b) {
    const at::Tensor hidden = seen_keys(mask, b, q.size(1), k.size(1)).logical_not();
    Tensors o_NTH, lse_NT;
    for (std::int64_t n = 0; n < q.size(2); ++n) {
      const at::Tensor keys = k[b].select(1, n / shared), values = v[b].select(1, n / shared);
      const at::Tensor scores = q[b].select(1, n)
                                    .matmul(keys.t())
                                    .mul(call.scale)
                                    .masked_fill(hidden, -std::numeric_limits<double>::infinity());
      at::Tensor highest = std::get<0>(scores.detach().max(1, true));
      highest = highest.masked_fill(highest.isinf(), 0);
      const at::Tensor p = scores.sub(highest).exp();
      const at::Tensor sum = p.sum(1, true);
      o_NTH.push_back(p.matmul(values).div(sum.masked_fill(sum == 0, 1)));
      lse_NT.push_back((sum.log() + highest).squeeze(1));
    }
    o_BTNH.push_back(aten::stack(o_NTH).transpose(0, 1));
    lse_BNT.push_back(aten::stack(lse_NT));
  }
  Attended result{aten::stack(o_BTNH), aten::stack(lse_BNT).detach(), {}};
  if (differentiates) {
    result.gradients = gradients_of((result.o_BTNH * weights_BTNH.to(at::kDouble)).sum(), {q, k, v});
  }
  result.o_BTNH = result.o_BTNH.detach();
  return result;
}

double tolerance_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kBFloat16:
      return 8 * 0x1p-8;
    case at::kHalf:
      return 8 * 0x1p-11;
    case at::kDouble:
      return 1e-12;
    default:
      return 1e-5;
  }
}

}  // namespace easylm::exam
