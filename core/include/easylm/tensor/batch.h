// A dataset's batch as tensors on a device.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "easylm/dataset.h"
#include "easylm/tensor/model.h"

namespace easylm {

struct BatchTensors {
  at::Tensor inputs_BT, targets_BT;  // int64
  at::Tensor mask_BT;                // fp32
  at::Tensor segments_BT;            // int32; undefined: one document a row

  // Rows [begin, end), as views.
  EASYLM_API BatchTensors rows(std::int64_t begin, std::int64_t end) const;
};

// Copies the batch, so that it outlives the dataset's spans.
EASYLM_API BatchTensors tensors_of(const TokenBatch& batch, at::Device device);

// Throws Error{invalid_config} if rows are longer than the model's positions, or a token is outside its
// vocabulary: that would be read from beside the embedding.
EASYLM_API void check_batch(const TokenBatch& batch, const ModelFacts& facts);

}  // namespace easylm
