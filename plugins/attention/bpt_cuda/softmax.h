// The online softmax of scores that lie in a warp's registers.
#pragma once

#include "intrinsics.h"
#include "launch.h"

namespace easylm::bpt_cuda {

// Of the rows of a warp, two for each tile of 16 rows: `largest` in units of log2.
template <int kM>
struct SoftmaxState {
  float largest[kM][2], sum[kM][2];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < kM * 2; ++i) {
      largest[i / 2][i % 2] = -INFINITY;
      sum[i / 2][i % 2] = 0;
    }
  }
};

// Scores become probabilities relative to the largest score so far; what was summed before is scaled to it.
template <int kM, int kKeys, int kWidth>
__device__ __forceinline__ void update_softmax(float (&s)[kM][kKeys / 8][4], float (&o)[kM][kWidth / 8][4],
                                               SoftmaxState<kM>& state, float scale_log2) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float largest = -INFINITY;
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) {
        largest = fmaxf(largest, fmaxf(s[m][n][half * 2], s[m][n][half * 2 + 1]));
      }
      largest = fmaxf(largest, __shfl_xor_sync(~0U, largest, 1));
      largest = fmaxf(largest, __shfl_xor_sync(~0U, largest, 2));
      const float before = state.largest[m][half];
      const float now = fmaxf(before, largest * scale_log2);
      state.largest[m][half] = now;
      const float base = now == -INFINITY ? 0.0f : now;  // a row that has seen nothing yet
      const float factor = exp2_approx(before - base);
      float sum = 0;
#pragma unroll
      for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
        for (int e = half * 2; e < half * 2 + 2; ++e) {
          s[m][n][e] = exp2_approx(s[m][n][e] * scale_log2 - base);
          sum += s[m][n][e];
        }
      }
      state.sum[m][half] = state.sum[m][half] * factor + sum;
#pragma unroll
      for (int n = 0; n < kWidth / 8; ++n) {
        o[m][n][half * 2] *= factor;
        o[m][n][half * 2 + 1] *= factor;
      }
    }
  }
}

// Divides by the sums and gives each lane's rows their log-sum-exp.
template <int kM, int kWidth>
__device__ __forceinline__ void finish_softmax(float (&o)[kM][kWidth / 8][4], SoftmaxState<kM>& state) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float sum = state.sum[m][half];
      sum += __shfl_xor_sync(~0U, sum, 1);
      sum += __shfl_xor_sync(~0U, sum, 2);
      const float inverse = sum > 0 ? 1.0f / sum : 0.0f;
#pragma unroll
      for (int n = 0; n < kWidth / 8; ++n) {
        o[m][n][half * 2] *= inverse;
        o[m][n][half * 2 + 1] *= inverse;
      }
      state.largest[m][half] = sum > 0 ? (state.largest[m][half] + log2f(sum)) * kLn2 : -INFINITY;
    }
  }
}

}  // namespace easylm::bpt_cuda
