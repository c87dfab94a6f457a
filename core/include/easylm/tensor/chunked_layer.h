// How a kernel computes a layer in chunks: the order of chunks, what is kept and what is computed again, the
// sums. A kernel that offers BlockwiseLayer brings the attention, chunk by chunk.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>

#include "easylm/export.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/blockwise_layer.h"

namespace easylm {

// The attention of one layer in one pass. Keys and values come first, span after span in order until all
// tokens are there; then queries, span after span; then, in a backward pass, the gradients are asked for.
// Tensors that are given may be freed after the call. No graph is recorded.
class EASYLM_API ChunkAttention {
 public:
  virtual ~ChunkAttention();

  virtual void add_keys(const at::Tensor& k_BCKH, const at::Tensor& v_BCKH, TokenSpan tokens) = 0;

  // What the queries of these tokens see: o_BCNH, and lse_BNC.
  virtual AttentionResult forward(const at::Tensor& q_BCNH, TokenSpan tokens) = 0;

  // dq_BCNH, with what these queries add to the gradients of all keys and values, which are summed in fp32.
  // `result` is forward()'s.
  virtual at::Tensor backward(const at::Tensor& q_BCNH, const AttentionResult& result,
                              const at::Tensor& do_BCNH, TokenSpan tokens) = 0;

  // The gradients of the keys and values of these tokens, after the last backward().
  virtual LayerPieces::KeysValues gradients(TokenSpan tokens) = 0;
};

enum class LayerPass { forward, backward };

// Makes the attention of `call`, of which the graph of h_BTD is not to be used.
using MakeChunkAttention =
    std::function<std::unique_ptr<ChunkAttention>(const LayerCall& call, LayerPass pass)>;

// BlockwiseLayer::run_layer: one node of the graph that keeps h_BTD alone. A chunk is `chunk` tokens of every
// row, or, if that is 0, about 1,024 tokens of all rows together.
EASYLM_API at::Tensor run_layer_in_chunks(const LayerCall& call, const LayerPieces& pieces,
                                          const MakeChunkAttention& attention, std::int64_t chunk = 0);

}  // namespace easylm
