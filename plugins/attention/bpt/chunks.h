// A layer's attention, chunk by chunk.
#pragma once

#include <memory>

#include "blocking.h"
#include "easylm/tensor/chunked_layer.h"

namespace easylm::bpt {

// What a kernel with these options computes a layer's attention with. REQUIRES: q, k and v on the CPU, of one
// dtype (fp32, bf16 or fp16).
std::unique_ptr<ChunkAttention> attend_in_chunks(const LayerCall& call, LayerPass pass,
                                                 const Options& options);

}  // namespace easylm::bpt
