// One sweep over a parameter, its gradient and its moments: the frame of every elementwise optimizer on the
// CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "easylm/tensor/optimizer.h"

namespace easylm {

// A parameter with the two moments of its gradient that Adam and its relatives keep.
struct MomentSlot {
  Parameter parameter;
  at::Tensor first, second;
};

// Zero moments beside each parameter: the first in `first_type`, the second in fp32.
EASYLM_API std::vector<MomentSlot> make_moments(std::span<const Parameter> parameters,
                                                at::ScalarType first_type);

// Shows the moments as "exp_avg" and "exp_avg_sq".
EASYLM_API void visit_moments(std::span<MomentSlot> slots, StateVisitor& visitor);

// What one parameter's update reads and writes, all of one shape.
struct UpdateTensors {
  at::Tensor parameter;  // fp32
  at::Tensor gradient;   // any float dtype, any layout
  at::Tensor first;      // fp32 or bf16: the first moment
  at::Tensor second;     // fp32: the second moment
};

// Some elements of them, as fp32 in the cache, whatever they are in memory.
struct UpdateBlock {
  float* parameter;
  const float* gradient;
  float* first;
  float* second;
  std::int64_t size;
};

// Calls `kernel` for every block, in parallel, and stores what it changed; memory is read and written once.
// REQUIRES: all on the CPU; parameter and moments contiguous.
EASYLM_API void update_by_blocks(const UpdateTensors& tensors,
                                 const std::function<void(const UpdateBlock&)>& kernel);

}  // namespace easylm
