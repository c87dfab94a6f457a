// What the two kernels of the backward pass share: a pair of tiles that stays, a pair that streams by, and
// the probabilities and their gradients that come of both.
#pragma once

#include "kernels.h"
#include "launch.h"
#include "masking.h"
#include "tile.h"
#include "visibility.h"

namespace easylm::bpt_cuda {

// dq: queries and d_o stay, keys and values stream. dk, dv: keys and values stay, queries and d_o stream. The
// second pair of kWidth 256 is small, that two buffers of it fit.
template <int kWidth>
struct GradientTile {
  static constexpr int kFixed = 64;
  static constexpr int kStreamed = kWidth < 128 ? 64 : kWidth == 128 ? 32 : 16;
  static constexpr int kFixedNumbers = kFixed * TileLayout<kWidth>::kPitch;
  static constexpr int kStreamedNumbers = kStreamed * TileLayout<kWidth>::kPitch;
  static constexpr std::size_t kSharedBytes =
      (2 * kFixedNumbers + 4 * kStreamedNumbers) * sizeof(std::uint16_t);
};

// Two tiles of one pair of tensors, one behind the other.
template <int kWidth, int kRows, int kThreads>
__device__ __forceinline__ void load_pair(std::uint16_t* tiles, const GlobalRows& first,
                                          const GlobalRows& second, int begin) {
  load_tile<kWidth, kRows, kThreads>(tiles, first, begin);
  load_tile<kWidth, kRows, kThreads>(tiles + kRows * TileLayout<kWidth>::kPitch, second, begin);
}

// What the forward pass left of a query.
struct QueryStatistics {
  float lse, delta;
};

__device__ __forceinline__ QueryStatistics query_statistics(const BackwardCall& call,
                                                            const Sequence& sequence, int head, int query) {
  if (query >= sequence.num_queries) return {-INFINITY, 0};
  return {sequence.numbers(call.lse, head)[query], sequence.numbers(call.delta, head)[query]};
}

// The log-sum-exp to the base 2. A query that sees nothing, or is none, gets +inf: all its probabilities are
// zero then.
__device__ __forceinline__ QueryStatistics for_log2(const QueryStatistics& statistics) {
  return {statistics.lse == -INFINITY ? INFINITY : statistics.lse * kLog2E, statistics.delta};
}

}  // namespace easylm::bpt_cuda
