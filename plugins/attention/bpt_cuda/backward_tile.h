// What the two kernels of the backward pass share: a pair of tiles that stays, a pair that streams by, and
// the probabilities and their gradients that come of both.
#pragma once

#include "kernels.h"
#include "launch.h"
#include "masking.h"
#include "tile.h"
#include "visibility.h"

namespace easylm::bpt_cuda {

template <int kN>
__device__ __forceinline__ void scale_all(float (&acc)[kN][4], float factor) {
#pragma unroll
  for (int n = 0; n < kN; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) acc[n][e] *= factor;
  }
}

// A query that is none is as one that sees nothing.
__device__ __forceinline__ QueryStatistics query_statistics(const BackwardCall& call,
                                                            const Sequence& sequence, int head, int query) {
  if (query >= sequence.num_queries) return {-INFINITY, 0};
  return {sequence.rows(call.lse, head)[query], sequence.rows(call.delta, head)[query]};
}

// The log-sum-exp to the base 2. A query that sees nothing, or is none, gets +inf: all its probabilities are
// zero then.
__device__ __forceinline__ QueryStatistics for_log2(const QueryStatistics& statistics) {
  return {statistics.lse == -INFINITY ? INFINITY : statistics.lse * kLog2E, statistics.delta};
}

}  // namespace easylm::bpt_cuda
