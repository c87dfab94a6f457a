// Attention as a swappable kernel.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "easylm/component.h"

namespace easylm {

// Which keys a query may see. All conditions hold together. Tensors have any strides, and lie where queries
// and keys do.
struct AttentionMask {
  bool causal = true;                       // key position ≤ query position
  std::int64_t window = 0;                  // if > 0: query position - key position < window
  at::Tensor segments_q_BT, segments_k_BS;  // int32; same document only; undefined: no restriction
  at::Tensor keep_BS;  // bool; false: the key is invisible except to its own position (forgetful masking)
  std::int64_t query_offset = 0;  // position of query 0 among the keys
};

// Everything that decides whether a kernel can serve a call. A model that asks before it knows any lengths
// gives 1: what a kernel refuses for its length alone is refused by forward().
struct AttentionQuery {
  std::int64_t batch = 0, num_queries = 0, num_keys = 0, num_heads = 0, num_key_value_heads = 0, head_dim = 0;
  at::ScalarType dtype = at::kFloat;
  at::DeviceType device = at::kCPU;
  bool causal = true, window = false, segments = false, keep = false, dropout = false, lse = false,
       training = false;
};

struct Support {
  double score = 0;    // 0: can't; else the higher the better, 1 being a plain implementation
  std::string reason;  // why not: "head width 80 is not a multiple of 16"
};

struct AttentionCall {
  at::Tensor q_BTNH, k_BSKH,
      v_BSKH;  // N is a multiple of K; keys and values are never copied for grouped queries
  AttentionMask mask;
  double scale = 0;    // usually 1/sqrt(H)
  double dropout = 0;  // on the probabilities; drawn from `dropout_seed`
  std::uint64_t dropout_seed = 0;
  bool want_lse = false;
};

struct AttentionResult {
  at::Tensor o_BTNH;
  at::Tensor lse_BNT;  // log-sum-exp of the scaled scores, fp32 (or fp64 for fp64 inputs); undefined unless
                       // wanted
};

// Stateless after construction. All methods: [any-thread]. What a kernel may offer beside, each an extension:
// blockwise_layer.h, varlen_attention.h, paged_attention.h.
class EASYLM_API AttentionKernel : public Component {
 public:
  static constexpr std::string_view kKind = "attention";
  static constexpr std::string_view kInterface = "easylm.attention/1";
  ~AttentionKernel() override;

  virtual Support supports(const AttentionQuery& query) const = 0;

  // Differentiable in q, k and v. A query that sees no key gets zeros (lse: -inf).
  // REQUIRES: supports() said yes to this call's query; otherwise throws Error{unsupported} with the reason.
  virtual AttentionResult forward(const AttentionCall& call) = 0;
};

// The query that describes `call`.
EASYLM_API AttentionQuery query_of(const AttentionCall& call);

// `mask` spelled out: true where query t sees key s, bool, [B, T, S] (B is 1 where all rows see the same).
EASYLM_API at::Tensor visible_keys(const AttentionMask& mask, std::int64_t num_queries, std::int64_t num_keys,
                                   at::Device device);

}  // namespace easylm
