// The gradient of the queries.
//
// A block of threads has a tile of queries and of d_o of one head, and walks over the keys and values that
// they see, as the forward pass does. Scores are computed again from queries, keys and the log-sum-exp. A
// warp owns 16 queries, so that the gradient of its scores is already laid out as the left side of the
// product with the keys: nothing is exchanged, and the sum over the keys has one order.
#include "backward_kernels.h"
#include "backward_tile.h"
#include "query_rows.h"

namespace easylm::bpt_cuda {
namespace {

// Scores become gradients of scores. `statistics` are those of the lane's two rows.
template <int kKeys>
__device__ __forceinline__ void differentiate(float (&s)[1][kKeys / 8][4], const float (&dp)[1][kKeys / 8][4],
                                              const QueryStatistics (&statistics)[2], float scale_log2) {
#pragma unroll
  for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float p = exp2_approx(s[0][n][e] * scale_log2 - statistics[e / 2].lse);
      s[0][n][e] = p * (dp[0][n][e] - statistics[e / 2].delta);
    }
  }
}

template <typename T, int kWidth>
__global__ void __launch_bounds__(GradientTile<kWidth>::kThreads, 2)
    dq_kernel(const __grid_constant__ BackwardCall call) {
  using Tile = GradientTile<kWidth>;
  constexpr int kKeys = Tile::kStreamed, kThreads = Tile::kThreads;
  EASYLM_DYNAMIC_SHARED(std::uint16_t, shared);
  std::uint16_t *const tile_q = shared, *const tile_do = shared + Tile::kFixedNumbers;
  std::uint16_t* const tiles_kv = shared + 2 * Tile::kFixedNumbers;

  const Place place = place_of_block(divide_up(call.shape.num_queries, Tile::kFixed), call.shape.num_heads);
  const Sequence sequence = sequence_at(call.shape, call.mask, place.batch);
  const int first_query = (place.num_tiles - 1 - place.tile) * Tile::kFixed;
  if (first_query >= sequence.num_queries) return;
  const int head_kv = place.head / (call.shape.num_heads / call.shape.num_key_value_heads);
  const GlobalRows q = sequence.queries(call.q, place.head);
  const GlobalRows d_o = sequence.queries(call.d_o, place.head);
  const GlobalRows k = sequence.keys(call.k, head_kv);
  const GlobalRows v = sequence.keys(call.v, head_kv);

  const Visibility visibility(call.shape, call.mask, sequence);
  KeyWalk<kKeys> walk(visibility, {first_query, first_query + Tile::kFixed});
  if (!walk.done()) {
    load_pair<kWidth, Tile::kFixed, kThreads>(tile_q, q, d_o, first_query);
    load_pair<kWidth, kKeys, kThreads>(tiles_kv, k, v, walk.first_key());
  }
  cp_async_commit();

  const int row = warp_index() * 16;
  const QueryStatistics statistics[2] = {
      for_log2(query_statistics(call, sequence, place.head, first_query + row + lane_index() / 4)),
      for_log2(query_statistics(call, sequence, place.head, first_query + row + lane_index() / 4 + 8))};
  float dq[1][kWidth / 8][4] = {};
  for (int buffer = 0; !walk.done(); buffer ^= 1) {
    cp_async_wait<0>();
    __syncthreads();  // every thread's copies have landed, and no warp reads the other buffer any more
    KeyWalk<kKeys> next = walk;
    next.advance();
    if (!next.done()) {
      load_pair<kWidth, kKeys, kThreads>(tiles_kv + (buffer ^ 1) * 2 * Tile::kStreamedNumbers, k, v,
                                         next.first_key());
    }
    cp_async_commit();

    const std::uint16_t* const tile_k = tiles_kv + buffer * 2 * Tile::kStreamedNumbers;
    float s[1][kKeys / 8][4] = {}, dp[1][kKeys / 8][4] = {};
    multiply_rows<T, kWidth, 1, kKeys>(s, tile_q, row, tile_k);
    if (walk.partial()) {
      hide_scores<false, 1, kKeys>(s, visibility, {first_query + row, walk.first_key()});
    }
    multiply_rows<T, kWidth, 1, kKeys>(dp, tile_do, row, tile_k + Tile::kStreamedNumbers);
    differentiate<kKeys>(s, dp, statistics, call.scale * kLog2E);
    multiply_columns<T, kWidth, 1, kKeys, kWidth>(dq, s, tile_k, 0);
    walk = next;
  }

  scale_all(dq[0], call.scale);
  write_queries<T, kWidth>(call.dq, {sequence, place.head, row, first_query + row}, tile_q, dq);
}

}  // namespace

int backward_dq(const BackwardCall& call, CUstream_st* stream) {
  if (call.shape.num_queries == 0) return cudaSuccess;
  return dispatch(call.shape, [&]<typename T, int kWidth>() {
    using Tile = GradientTile<kWidth>;
    const unsigned blocks =
        num_blocks(divide_up(call.shape.num_queries, Tile::kFixed), call.shape.num_heads, call.shape.batch);
    if (blocks == 0) return cudaErrorInvalidValue;
    return launch_kernel(dq_kernel<T, kWidth>, {blocks, Tile::kThreads, Tile::kSharedBytes, stream}, call);
  });
}

}  // namespace easylm::bpt_cuda
