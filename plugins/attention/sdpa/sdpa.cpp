// Attention by LibTorch's scaled_dot_product_attention.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"

namespace {

using easylm::AttentionCall;
using easylm::AttentionMask;
using easylm::AttentionQuery;
using easylm::Support;

class Sdpa : public easylm::AttentionKernel {
 public:
  struct Config {
    static void describe(easylm::Schema<Config>&) {}
  };

  Sdpa(easylm::Host&, const Config&) {}

  Support supports(const AttentionQuery& query) const override {
    if (query.dropout) {
      return {0, "LibTorch's kernel draws attention dropout from a generator that can't be replayed"};
    }
    const std::int64_t mask_bytes = bytes_of_mask(query);
    if (mask_bytes >= kGreatestMask) {
      return {0, "LibTorch's kernel reads a mask spelled out, here of " + std::to_string(mask_bytes >> 20U) +
                     " MiB, for " + std::to_string(query.num_queries) + " queries of " +
                     std::to_string(query.num_keys) + " keys"};
    }
    if (query.lse) return {0, "LibTorch's kernel gives no log-sum-exp"};
    return {1, ""};
  }

  easylm::AttentionResult forward(const AttentionCall& call) override {
    const Support support = supports(easylm::query_of(call));
    if (support.score <= 0) {
      throw easylm::Error(easylm::ErrorCode::unsupported, "attention 'sdpa': " + support.reason,
                          "use attention = \"auto\", which takes a kernel that can");
    }
    const at::ScalarType type = compute_type(call.q_BTNH);
    const at::Tensor q_BNTH = call.q_BTNH.to(type).transpose(1, 2);
    const at::Tensor k_BKSH = call.k_BSKH.to(type).transpose(1, 2);
    const at::Tensor v_BKSH = call.v_BSKH.to(type).transpose(1, 2);
    const bool grouped = q_BNTH.size(1) != k_BKSH.size(1);
    const Masking masking = masking_of(call);
    at::Tensor o_BNTH = at::scaled_dot_product_attention(q_BNTH, k_BKSH, v_BKSH, masking.visible, 0.0,
                                                         masking.causal, call.scale, grouped);
    return {o_BNTH.transpose(1, 2).to(call.q_BTNH.scalar_type()), {}};
  }

 private:
  // A byte for each query, key and, where rows differ, row; the backward pass keeps it. What would take a
  // gigabyte a layer is better refused than allocated in silence: other kernels need no such thing.
  static constexpr std::int64_t kGreatestMask = std::int64_t{1} << 30U;

  static std::int64_t bytes_of_mask(const AttentionQuery& query) {
    const bool by_row = query.segments || query.keep;
    if (!by_row && !query.window) return 0;
    return (by_row ? query.batch : 1) * query.num_queries * query.num_keys;
  }

  struct Masking {
    bool causal = false;
    std::optional<at::Tensor> visible;  // [B or 1, 1, T, S]
  };

  // The kernel's backward pass in bf16 takes three times as long as in fp32 on a CPU without bf16 products;
  // its forward pass doesn't, and upcast copies of a long cache would be dear.
  static at::ScalarType compute_type(const at::Tensor& q) {
    const bool training = q.requires_grad() && at::GradMode::is_enabled();
    const bool slow = q.scalar_type() == at::kBFloat16 && !easylm::has_bf16_products(q.device());
    return training && slow ? at::kFloat : q.scalar_type();
  }

  // The kernel skips what a causal flag hides, and reads a mask where the flag doesn't say all.
  static Masking masking_of(const AttentionCall& call) {
    const AttentionMask& mask = call.mask;
    const std::int64_t num_queries = call.q_BTNH.size(1), num_keys = call.k_BSKH.size(1);
    const bool restricted = mask.window > 0 || mask.segments_q_BT.defined() || mask.keep_BS.defined();
    if (!restricted) {
      if (!mask.causal) return {};
      if (mask.query_offset == 0 && num_queries == num_keys) return {true, {}};
      if (num_queries == 1 && mask.query_offset == num_keys - 1) return {};  // the last token sees all
    }
    return {false, easylm::visible_keys(mask, num_queries, num_keys, call.q_BTNH.device()).unsqueeze(1)};
  }
};

}  // namespace

EASYLM_PLUGIN("easylm-attention-sdpa", "0.1.0") {
  registrar.component<Sdpa>("sdpa", "LibTorch's scaled_dot_product_attention.");
}
