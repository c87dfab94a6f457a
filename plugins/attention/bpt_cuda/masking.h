// Hides single scores in the registers of a warp.
#pragma once

#include "visibility.h"

namespace easylm::bpt_cuda {

// Which tokens the first row and the first column are.
struct ScoreOrigin {
  int row, column;
};

__device__ __forceinline__ bool lies_in(Interval interval, int token) {
  return token >= interval.begin && token < interval.end;
}

// Scores [kM times 16, kColumns] in the layout of an accumulator; rows are queries and columns keys, or the
// other way round.
template <bool kRowsAreKeys, int kM, int kColumns>
__device__ __forceinline__ void hide_outside(float (&s)[kM][kColumns / 8][4], const Visibility& visibility,
                                             ScoreOrigin origin) {
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = origin.row + m * 16 + half * 8;
      const Interval seen =
          kRowsAreKeys ? visibility.queries_of({row, row + 1}) : visibility.keys_of({row, row + 1});
#pragma unroll
      for (int n = 0; n < kColumns / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          if (!lies_in(seen, origin.column + n * 8 + e)) s[m][n][half * 2 + e] = -INFINITY;
        }
      }
    }
  }
}

// The lists are read in a rolled loop, into a bit for each score: unrolled, their loads would take the
// registers that accumulators need.
template <bool kRowsAreKeys, int kM, int kColumns>
__device__ __forceinline__ void hide_unlisted(float (&s)[kM][kColumns / 8][4], const Visibility& visibility,
                                              ScoreOrigin origin) {
  std::uint32_t listed[kM * 2] = {};
#pragma unroll 1
  for (int i = 0; i < kColumns / 4; ++i) {
    const int column = origin.column + i / 2 * 8 + i % 2;
#pragma unroll
    for (int j = 0; j < kM * 2; ++j) {
      const int row = origin.row + j * 8;
      const bool seen = kRowsAreKeys ? visibility.listed(column, row) : visibility.listed(row, column);
      listed[j] |= (seen ? 1U : 0U) << i;
    }
  }
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int n = 0; n < kColumns / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        if ((listed[m * 2 + e / 2] >> (n * 2 + e % 2) & 1U) == 0) s[m][n][e] = -INFINITY;
      }
    }
  }
}

// Scores [kM times 16, kColumns] in the layout of an accumulator; rows are queries and columns keys, or the
// other way round.
template <bool kRowsAreKeys, int kM, int kColumns>
__device__ __forceinline__ void hide_scores(float (&s)[kM][kColumns / 8][4], const Visibility& visibility,
                                            ScoreOrigin origin) {
  const int lane = lane_index();
  origin = {origin.row + lane / 4, origin.column + lane % 4 * 2};
  hide_outside<kRowsAreKeys, kM, kColumns>(s, visibility, origin);
  if (visibility.has_lists()) hide_unlisted<kRowsAreKeys, kM, kColumns>(s, visibility, origin);
}

}  // namespace easylm::bpt_cuda
