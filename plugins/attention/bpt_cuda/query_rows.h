// Writing what a warp computed of its queries.
#pragma once

#include "kernels.h"
#include "sequence.h"
#include "softmax.h"
#include "tile.h"

namespace easylm::bpt_cuda {

// A warp's rows: the first of them in the tile, and among the queries of the sequence.
struct WarpRows {
  const Sequence& sequence;
  int head, tile_row, query;
};

// Writes an accumulator by way of the tile of queries, of which nobody else reads these rows.
template <typename T, int kWidth, int kM>
__device__ __forceinline__ void write_queries(const View& view, const WarpRows& rows, std::uint16_t* tile,
                                              const float (&numbers)[kM][kWidth / 8][4]) {
  const Sequence& sequence = rows.sequence;
  GlobalTarget<std::uint16_t> target = {
      static_cast<std::uint16_t*>(view.data) + sequence.start(view.strides, sequence.first_query, rows.head),
      view.strides.token, rows.query, sequence.num_queries};
#pragma unroll
  for (int m = 0; m < kM; ++m) {
    const TileCorner corner = {rows.tile_row + m * 16, 0};
    store_fragment<T, kWidth, kWidth>(tile, corner, numbers[m]);
    __syncwarp();
    write_rows<kWidth, kWidth>(target, tile, corner);
    target.row += 16;
  }
}

template <int kM>
__device__ __forceinline__ void write_lse(const RowView& view, const WarpRows& rows,
                                          const SoftmaxState<kM>& state) {
  if (lane_index() % 4 != 0) return;
  float* const lse = rows.sequence.rows(view, rows.head);
#pragma unroll
  for (int i = 0; i < kM * 2; ++i) {
    const int query = rows.query + lane_index() / 4 + i * 8;
    if (query < rows.sequence.num_queries) lse[query] = state.largest[i / 2][i % 2];
  }
}

}  // namespace easylm::bpt_cuda
