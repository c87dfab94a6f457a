// Runs a model's blocks under a policy that no model knows of.
#pragma once

#include <ATen/core/Tensor.h>

#include "easylm/tensor/model.h"

namespace easylm {

enum class Recompute {
  none,    // every activation is kept for the backward pass
  blocks,  // only each block's input is kept; the block is computed again in the backward pass
};

// ids_BT → h_BTD after the final norm: embedding, all blocks, norm. REQUIRES: under Recompute::blocks, and
// for a model that computes its layers again by itself, `model` and `context` outlive the backward pass.
EASYLM_API at::Tensor run_model(Model& model, const at::Tensor& ids_BT, ForwardContext& context,
                                Recompute policy);

// The same with cached keys and values, for inference: the embedding finds the tokens' positions in the
// context, behind the cache's where it said none. Throws Error{unsupported} if the model has no such
// extension.
EASYLM_API at::Tensor run_model_cached(Model& model, const at::Tensor& ids_BT, KvView& cache,
                                       ForwardContext& context);

}  // namespace easylm
