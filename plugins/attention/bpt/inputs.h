// Tensors as the loops need them.
#pragma once

#include <ATen/core/Tensor.h>

#include "easylm/tensor/attention.h"

namespace easylm::bpt {

// A head's numbers lie side by side, whatever the other strides are.
at::Tensor readable(const at::Tensor& x);

// Segments and keep in order of rows and tokens.
AttentionMask contiguous(AttentionMask mask);

}  // namespace easylm::bpt
