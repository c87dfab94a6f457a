// Attention of new tokens to keys and values that lie in pages, as a server keeps them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

struct PagedCall {
  at::Tensor q_BTNH;          // the last T tokens of each row
  at::Tensor k_PSKH, v_PSKH;  // P pages of S tokens each, the new tokens' among them
  // int32: row b's token t lies in page block_table[b, t / S], at t % S. What is beyond a row's length is not
  // looked at, neither in the table nor in the pages.
  at::Tensor block_table_BM;
  // int32: tokens of each row, the new ones included. A row with less than T has zeros for the first of its
  // queries, one with none for all.
  at::Tensor lengths_B;
  std::int64_t window = 0;  // if > 0: query position - key position < window
  double scale = 0;         // usually 1/sqrt(H)
};

// (extension of AttentionKernel, since API 1.2) Causal attention for decoding; not differentiable.
class EASYLM_API PagedAttention {
 public:
  static constexpr std::string_view kInterface = "easylm.attention.paged/1";
  virtual ~PagedAttention();

  // o_BTNH. All tensors are on one device. Throws Error{unsupported} if the kernel can't serve the call and,
  // on a CPU, Error{invalid_config} if a length needs more pages than the table has, or a page is not there;
  // on a GPU, which isn't waited for, the row is NaN in the first case. [any-thread]
  virtual at::Tensor forward_paged(const PagedCall& call) = 0;
};

// Throws Error{invalid_config} if a length needs more pages than the table has, or a page is not there.
// REQUIRES: all tensors are on the CPU.
EASYLM_API void check_paged(const PagedCall& call);

}  // namespace easylm
