// The attention of a layer in chunks.
#pragma once

#include <memory>

#include "blocking.h"
#include "easylm/tensor/chunked_layer.h"

namespace easylm::bpt {

// The tensors of `call`'s mask must be contiguous, its scale above 0.
std::unique_ptr<ChunkAttention> chunk_attention(const LayerCall& call, LayerPass pass,
                                                const Options& options);

}  // namespace easylm::bpt
