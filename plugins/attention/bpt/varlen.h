// Attention over sequences that lie end to end.
#pragma once

#include "blocking.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm::bpt {

// As VarlenAttention::forward_varlen, for what the kernel can serve.
VarlenResult attend_varlen(const VarlenCall& call, const Options& options);

}  // namespace easylm::bpt
