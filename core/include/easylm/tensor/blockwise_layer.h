// A whole transformer layer, computed by an attention kernel in chunks of tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "easylm/tensor/attention.h"

namespace easylm {

// Tokens [begin, begin + size) of every row.
struct TokenSpan {
  std::int64_t begin = 0, size = 0;
};

// A layer in pieces, each a differentiable function of the layer's input h_BCD at the C tokens of a span, and
// of nothing else but parameters. The same arguments give the same bits: pieces are computed again in the
// backward pass, after the call that they were made for. A kernel may ask for any span, as often as it likes,
// in any order.
struct LayerPieces {
  struct KeysValues {
    at::Tensor k_BCKH, v_BCKH;
  };
  std::function<at::Tensor(const at::Tensor& h_BCD, TokenSpan tokens)>
      queries;  // → q_BCNH, normed and rotated
  std::function<KeysValues(const at::Tensor& h_BCD, TokenSpan tokens)> keys_values;
  // The layer's output at those tokens, [B, C, D]: output projection, residuals, feed-forward.
  std::function<at::Tensor(const at::Tensor& h_BCD, const at::Tensor& o_BCNH, TokenSpan tokens)> finish;
  std::vector<at::Tensor> parameters;  // all that the pieces compute with and that may need a gradient
};

struct LayerCall {
  at::Tensor h_BTD;
  AttentionMask mask;  // of all T tokens with themselves; query_offset is 0
  double scale = 0;    // usually 1/sqrt(H)
};

// (extension of AttentionKernel, since API 1.2) The layer as one node of the graph that keeps its input and
// no more than O(T) numbers a head beside it, and computes the rest again, chunk by chunk: no tensor of T × T
// or T × F numbers ever exists. chunked_layer.h has all of it but the attention.
class EASYLM_API BlockwiseLayer {
 public:
  static constexpr std::string_view kInterface = "easylm.attention.blockwise_layer/1";
  virtual ~BlockwiseLayer();

  // The layer's output, [B, T, D], the same bits for the same call; differentiable in h_BTD and in
  // `pieces.parameters`, and equal to what the pieces and forward() over all tokens at once give, but for the
  // order of sums. REQUIRES: what the pieces refer to outlives the backward pass. Throws Error{unsupported}
  // with the reason if the kernel can't serve the layer's attention. [any-thread]
  virtual at::Tensor run_layer(const LayerCall& call, const LayerPieces& pieces) = 0;
};

}  // namespace easylm
