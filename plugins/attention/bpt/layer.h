// The attention of a layer that is computed in chunks.
#pragma once

#include <memory>

#include "easylm/tensor/chunked_layer.h"

namespace easylm::bpt {

// For a MakeChunkAttention. The mask of `call` has contiguous tensors.
std::unique_ptr<ChunkAttention> chunk_attention(const LayerCall& call, LayerPass pass);

}  // namespace easylm::bpt
