// Attention over sequences of different lengths that lie end to end, without padding.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

struct VarlenCall {
  at::Tensor q_TNH, k_SKH, v_SKH;  // tokens of all sequences together; N is a multiple of K
  // Sequence i has the queries [starts_q[i], starts_q[i + 1]) and, likewise, its keys: int32, [sequences +
  // 1], on the CPU, from 0 up to T and S; a sequence may be empty.
  at::Tensor starts_q, starts_k;
  // The last query of a sequence stands at its last key, so that queries beyond the keys' number stand before
  // the first key and, if causal, see none.
  bool causal = true;
  std::int64_t window = 0;  // if > 0: query position - key position < window
  double scale = 0;         // usually 1/sqrt(H)
};

struct VarlenResult {
  at::Tensor o_TNH;
  at::Tensor lse_NT;  // log-sum-exp of the scaled scores, fp32 (or fp64 for fp64 inputs)
};

// (extension of AttentionKernel, since API 1.2) Each sequence attends to itself alone.
class EASYLM_API VarlenAttention {
 public:
  static constexpr std::string_view kInterface = "easylm.attention.varlen/1";
  virtual ~VarlenAttention();

  // Differentiable in q, k and v. A query that sees no key gets zeros (lse: -inf). Throws
  // Error{invalid_config} if the starts don't fit the tokens, Error{unsupported} if the kernel can't serve
  // the call. [any-thread]
  virtual VarlenResult forward_varlen(const VarlenCall& call) = 0;
};

// Throws Error{invalid_config} unless the starts fit the tokens: of any device, since they are on the CPU.
EASYLM_API void check_varlen(const VarlenCall& call);

}  // namespace easylm
