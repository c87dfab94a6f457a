// Blockwise attention as one differentiable operation.
#pragma once

#include "blocking.h"
#include "easylm/tensor/attention.h"

namespace easylm::bpt {

// Output and log-sum-exp; differentiable in queries, keys and values.
AttentionResult attend(const AttentionCall& call, const Options& options);

}  // namespace easylm::bpt
