// The gradients of keys and values.
//
// The mirror of backward_dq.cu: keys and values stay, and the queries that see them stream by with their d_o,
// for every head of the keys' group in turn. Scores are computed transposed, a warp owning 16 keys, so that
// probabilities and their gradients are laid out as the left sides of the products with d_o and the queries.
// At width 256 two warps share 16 keys and compute half of the gradients' columns each, since both halves
// together don't fit one warp's registers.
#include "backward_kernels.h"
#include "backward_tile.h"

namespace easylm::bpt_cuda {
namespace {

template <int kWidth>
struct KeyTile : GradientTile<kWidth> {
  static constexpr int kSplit = kWidth <= 128 ? 1 : 2;  // warps that share 16 keys
  static constexpr int kColumns = kWidth / kSplit;
  static constexpr int kThreads = GradientTile<kWidth>::kFixed / 16 * kSplit * 32;
  static constexpr int kQueries = GradientTile<kWidth>::kStreamed;
  static_assert(kQueries <= kThreads);
  static constexpr std::size_t kSharedBytes =
      GradientTile<kWidth>::kSharedBytes + 2 * kQueries * sizeof(QueryStatistics);
};

// Transposed scores become probabilities, and `dp` their gradients. `statistics` are those of the lane's
// first column.
template <int kQueries>
__device__ __forceinline__ void differentiate(float (&s)[1][kQueries / 8][4], float (&dp)[1][kQueries / 8][4],
                                              const QueryStatistics* statistics, float scale_log2) {
#pragma unroll
  for (int n = 0; n < kQueries / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const QueryStatistics of_column = statistics[n * 8 + e % 2];
      s[0][n][e] = exp2_approx(s[0][n][e] * scale_log2 - of_column.lse);
      dp[0][n][e] = s[0][n][e] * (dp[0][n][e] - of_column.delta);
    }
  }
}

// Adds 16 rows of an accumulator to columns of global memory, which no other warp touches.
template <int kColumns>
__device__ __forceinline__ void add_rows(const GlobalTarget<float>& target,
                                         const float (&acc)[kColumns / 8][4], int first_column) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = target.row + lane_index() / 4 + half * 8;
    if (row >= target.end) continue;
    float* const to = target.data + row * target.stride + first_column + lane_index() % 4 * 2;
#pragma unroll
    for (int n = 0; n < kColumns / 8; ++n) {
      auto& pair = *reinterpret_cast<float2*>(to + n * 8);
      pair = {pair.x + acc[n][half * 2], pair.y + acc[n][half * 2 + 1]};
    }
  }
}

// The warp's part of one gradient, to `view`, which the tile of the keys or values lends its memory for.
template <typename T, int kWidth>
__device__ __forceinline__ void write_gradient(const GlobalTarget<void>& target, KeyGradients how,
                                               std::uint16_t* tile,
                                               const float (&acc)[KeyTile<kWidth>::kColumns / 8][4]) {
  using Tile = KeyTile<kWidth>;
  constexpr int kColumns = Tile::kColumns;
  const TileCorner corner = {warp_index() / Tile::kSplit * 16, warp_index() % Tile::kSplit * kColumns / 8};
  if (how == KeyGradients::kAddFp32) {
    add_rows<kColumns>({static_cast<float*>(target.data), target.stride, target.row, target.end}, acc,
                       corner.chunk * 8);
    return;
  }
  store_fragment<T, kWidth, kColumns>(tile, corner, acc);
  __syncwarp();
  write_rows<kWidth, kColumns>(
      {static_cast<std::uint16_t*>(target.data), target.stride, target.row, target.end}, tile, corner);
}

template <typename T, int kWidth>
__global__ void __launch_bounds__(KeyTile<kWidth>::kThreads)
    dkdv_kernel(const __grid_constant__ BackwardCall call) {
  using Tile = KeyTile<kWidth>;
  constexpr int kThreads = Tile::kThreads, kQueries = Tile::kQueries, kColumns = Tile::kColumns;
  EASYLM_DYNAMIC_SHARED(std::uint16_t, shared);
  std::uint16_t *const tile_k = shared, *const tile_v = shared + Tile::kFixedNumbers;
  std::uint16_t* const tiles_qdo = shared + 2 * Tile::kFixedNumbers;
  auto* const statistics = reinterpret_cast<QueryStatistics*>(tiles_qdo + 4 * Tile::kStreamedNumbers);

  const Place place =
      place_of_block(divide_up(call.shape.num_keys, Tile::kFixed), call.shape.num_key_value_heads);
  const Sequence sequence = sequence_at(call.shape, call.mask, place.batch);
  const int first_key =
      place.tile * Tile::kFixed;  // the first keys are seen by the most queries: they start first
  if (first_key >= sequence.num_keys) return;
  const int group = call.shape.num_heads / call.shape.num_key_value_heads;
  const GlobalRows k = {sequence.keys(call.k, place.head), call.k.strides.token, sequence.num_keys};
  const GlobalRows v = {sequence.keys(call.v, place.head), call.v.strides.token, sequence.num_keys};

  const Visibility visibility(call.shape, call.mask, sequence);
  QueryWalk<kQueries> walk(visibility, {first_key, first_key + Tile::kFixed}, group);
  QueryStatistics coming;  // of the next tile; one query a thread
  const auto load_queries = [&](int buffer, const QueryWalk<kQueries>& at) {
    const int head = place.head * group + at.head();
    const GlobalRows q = {sequence.queries(call.q, head), call.q.strides.token, sequence.num_queries};
    const GlobalRows d_o = {sequence.queries(call.d_o, head), call.d_o.strides.token, sequence.num_queries};
    load_pair<kWidth, kQueries, kThreads>(tiles_qdo + buffer * 2 * Tile::kStreamedNumbers, q, d_o,
                                          at.first_query());
    if (threadIdx.x < kQueries) {
      coming = query_statistics(call, sequence, head, at.first_query() + static_cast<int>(threadIdx.x));
    }
  };
  if (!walk.done()) {
    load_pair<kWidth, Tile::kFixed, kThreads>(tile_k, k, v, first_key);
    load_queries(0, walk);
  }
  cp_async_commit();

  const int row = warp_index() / Tile::kSplit * 16, first_column = warp_index() % Tile::kSplit * kColumns;

  float dk[1][kColumns / 8][4] = {}, dv[1][kColumns / 8][4] = {};
  for (int buffer = 0; !walk.done(); buffer ^= 1) {
    if (threadIdx.x < kQueries) statistics[buffer * kQueries + threadIdx.x] = for_log2(coming);
    cp_async_wait<0>();
    __syncthreads();  // every thread's copies have landed, and no warp reads the other buffer any more
    QueryWalk<kQueries> next = walk;
    next.advance();
    if (!next.done()) load_queries(buffer ^ 1, next);
    cp_async_commit();

    const std::uint16_t* const tile_q = tiles_qdo + buffer * 2 * Tile::kStreamedNumbers;
    const std::uint16_t* const tile_do = tile_q + Tile::kStreamedNumbers;
    float s[1][kQueries / 8][4] = {}, dp[1][kQueries / 8][4] = {};
    multiply_rows<T, kWidth, 1, kQueries>(s, tile_k, row, tile_q);
    if (walk.partial()) {
      hide_scores<true, 1, kQueries>(s, visibility, {first_key + row, walk.first_query()});
    }
    multiply_rows<T, kWidth, 1, kQueries>(dp, tile_v, row, tile_do);
    differentiate<kQueries>(s, dp, statistics + buffer * kQueries + lane_index() % 4 * 2,
                            call.scale * kLog2E);
    multiply_columns<T, kWidth, 1, kQueries, kColumns>(dv, s, tile_do, first_column / 8);
    multiply_columns<T, kWidth, 1, kQueries, kColumns>(dk, dp, tile_q, first_column / 8);
    walk = next;
  }

#pragma unroll
  for (int n = 0; n < kColumns / 8; ++n) {
#pragma unroll
    for (int e = 0; e < 4; ++e) dk[0][n][e] *= call.scale;
  }
  __syncthreads();  // no warp reads the tiles of keys and values any more
  const auto target = [&](const View& view) {
    const std::int64_t start = sequence.start(view.strides, sequence.first_key, place.head);
    const int bytes = call.key_gradients == KeyGradients::kAddFp32 ? sizeof(float) : sizeof(std::uint16_t);
    return GlobalTarget<void>{static_cast<char*>(view.data) + start * bytes, view.strides.token,
                              first_key + row, sequence.num_keys};
  };
  write_gradient<T, kWidth>(target(call.dk), call.key_gradients, tile_k, dk[0]);
  write_gradient<T, kWidth>(target(call.dv), call.key_gradients, tile_v, dv[0]);
}

}  // namespace

int backward_dkdv(const BackwardCall& call, CUstream_st* stream) {
  if (call.shape.num_keys == 0) return cudaSuccess;
  return dispatch(call.shape, [&]<typename T, int kWidth>() {
    using Tile = KeyTile<kWidth>;
    const unsigned blocks = num_blocks(divide_up(call.shape.num_keys, Tile::kFixed),
                                       call.shape.num_key_value_heads, call.shape.batch);
    if (blocks == 0) return cudaErrorInvalidValue;
    return launch_kernel(dkdv_kernel<T, kWidth>, {blocks, Tile::kThreads, Tile::kSharedBytes, stream}, call);
  });
}

}  // namespace easylm::bpt_cuda
