// Attention to keys in pages, on a GPU.
#pragma once

#include "easylm/tensor/paged_attention.h"

namespace easylm::bpt_cuda {

// PagedAttention::forward_paged. What stands in device memory isn't read here: a row whose length needs more
// pages than the table has gets NaN.
at::Tensor attend_paged(const PagedCall& call);

}  // namespace easylm::bpt_cuda
