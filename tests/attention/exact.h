// Attention and its gradients in fp64, written out: what all kernels are held against.
#pragma once

#include "calls.h"

namespace easylm::testing {

// The answer to `call` and the gradients under weights_of(call), each product of the backward pass by hand.
// Takes a block of queries at a time, so that 4,096 tokens need no gigabytes.
Outcome exactly(const AttentionCall& call);

// Whether query `t` of row `b` sees key `s`, by the sentences of AttentionMask.
bool sees(const AttentionMask& mask, std::int64_t b, std::int64_t t, std::int64_t s);

}  // namespace easylm::testing
