// The attention of a layer in chunks, on a GPU.
#pragma once

#include <memory>

#include "easylm/tensor/chunked_layer.h"
#include "problem.h"

namespace easylm::bpt_cuda {

std::unique_ptr<ChunkAttention> chunk_attention(const LayerCall& call, ForwardKernel kernel);

}  // namespace easylm::bpt_cuda
