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

// Whose gradients a block of threads computes.
struct KeyBlock {
  const BackwardCall& call;
  const Sequence& sequence;
  int head, first_key;
};

// The warp's part of one gradient, to `view`, by way of a tile that nobody reads any more.
template <typename T, int kWidth>
__device__ __forceinline__ void write_gradient(const View& view, const KeyBlock& block, std::uint16_t* tile,
                                               const float (&acc)[KeyTile<kWidth>::kColumns / 8][4]) {
  using Tile = KeyTile<kWidth>;
  constexpr int kColumns = Tile::kColumns;
  const TileCorner corner = {warp_index() / Tile::kSplit * 16, warp_index() % Tile::kSplit * kColumns / 8};
  const std::int64_t start = block.sequence.start(view.strides, block.sequence.first_key, block.head);
  const int row = block.first_key + corner.row, end = block.sequence.num_keys;
  if (block.call.key_gradients == KeyGradients::kAddFp32) {
    add_rows<kColumns>({static_cast<float*>(view.data) + start, view.strides.token, row, end}, acc,
                       corner.chunk * 8);
    return;
  }
  store_fragment<T, kWidth, kColumns>(tile, corner, acc);
  __syncwarp();
  write_rows<kWidth, kColumns>({static_cast<std::uint16_t*>(view.data) + start, view.strides.token, row, end},
                               tile, corner);
}

// Brings the queries that a block of keys meets, each with its d_o and its statistics, into two buffers.
template <int kWidth>
class QueryStream {
  using Tile = KeyTile<kWidth>;

 public:
  __device__ __forceinline__ QueryStream(const KeyBlock& block, std::uint16_t* tiles)
      : block_(block), tiles_(tiles) {}

  __device__ __forceinline__ void load(int buffer, const QueryWalk<Tile::kQueries>& walk) {
    const BackwardCall& call = block_.call;
    const Sequence& sequence = block_.sequence;
    const int head = block_.head * (call.shape.num_heads / call.shape.num_key_value_heads) + walk.head();
    const GlobalRows q = sequence.queries(call.q, head);
    const GlobalRows d_o = sequence.queries(call.d_o, head);
    load_pair<kWidth, Tile::kQueries, Tile::kThreads>(tiles_ + buffer * 2 * Tile::kStreamedNumbers, q, d_o,
                                                      walk.first_query());
    if (threadIdx.x < Tile::kQueries) {
      coming_ = query_statistics(call, sequence, head, walk.first_query() + static_cast<int>(threadIdx.x));
    }
  }
  // The statistics of the tile that was loaded last, which are on their way in registers, go where the others
  // see them.
  __device__ __forceinline__ void store_statistics(int buffer) {
    if (threadIdx.x < Tile::kQueries)
      all_statistics()[buffer * Tile::kQueries + threadIdx.x] = for_log2(coming_);
  }

  __device__ __forceinline__ const std::uint16_t* queries(int buffer) const {
    return tiles_ + buffer * 2 * Tile::kStreamedNumbers;
  }
  __device__ __forceinline__ const std::uint16_t* d_o(int buffer) const {
    return queries(buffer) + Tile::kStreamedNumbers;
  }
  __device__ __forceinline__ const QueryStatistics* statistics(int buffer) const {
    return all_statistics() + buffer * Tile::kQueries;
  }

 private:
  __device__ __forceinline__ QueryStatistics* all_statistics() const {
    return reinterpret_cast<QueryStatistics*>(tiles_ + 4 * Tile::kStreamedNumbers);
  }

  const KeyBlock& block_;
  std::uint16_t* tiles_;
  QueryStatistics coming_ = {};
};

template <typename T, int kWidth>
__global__ void __launch_bounds__(KeyTile<kWidth>::kThreads)
    dkdv_kernel(const __grid_constant__ BackwardCall call) {
  using Tile = KeyTile<kWidth>;
  constexpr int kThreads = Tile::kThreads, kQueries = Tile::kQueries, kColumns = Tile::kColumns;
  EASYLM_DYNAMIC_SHARED(std::uint16_t, shared);
  std::uint16_t *const tile_k = shared, *const tile_v = shared + Tile::kFixedNumbers;

  const Place place =
      place_of_block(divide_up(call.shape.num_keys, Tile::kFixed), call.shape.num_key_value_heads);
  const Sequence sequence = sequence_at(call.shape, call.mask, place.batch);
  // The first keys are seen by the most queries under a causal mask: they start first.
  const KeyBlock block = {call, sequence, place.head, place.tile * Tile::kFixed};
  if (block.first_key >= sequence.num_keys) return;
  const GlobalRows k = sequence.keys(call.k, place.head);
  const GlobalRows v = sequence.keys(call.v, place.head);

  const Visibility visibility(call.shape, call.mask, sequence);
  QueryWalk<kQueries> walk(visibility, {block.first_key, block.first_key + Tile::kFixed},
                           call.shape.num_heads / call.shape.num_key_value_heads);
  QueryStream<kWidth> stream(block, shared + 2 * Tile::kFixedNumbers);
  if (!walk.done()) {
    load_pair<kWidth, Tile::kFixed, kThreads>(tile_k, k, v, block.first_key);
    stream.load(0, walk);
  }
  cp_async_commit();

  const int row = warp_index() / Tile::kSplit * 16, first_chunk = warp_index() % Tile::kSplit * kColumns / 8;
  float dk[1][kColumns / 8][4] = {}, dv[1][kColumns / 8][4] = {};
  for (int buffer = 0; !walk.done(); buffer ^= 1) {
    stream.store_statistics(buffer);
    cp_async_wait<0>();
    __syncthreads();  // every thread's copies have landed, and no warp reads the other buffer any more
    QueryWalk<kQueries> next = walk;
    next.advance();
    if (!next.done()) stream.load(buffer ^ 1, next);
    cp_async_commit();

    float s[1][kQueries / 8][4] = {}, dp[1][kQueries / 8][4] = {};
    multiply_rows<T, kWidth, 1, kQueries>(s, tile_k, row, stream.queries(buffer));
    if (walk.partial()) {
      hide_scores<true, 1, kQueries>(s, visibility, {block.first_key + row, walk.first_query()});
    }
    multiply_rows<T, kWidth, 1, kQueries>(dp, tile_v, row, stream.d_o(buffer));
    differentiate<kQueries>(s, dp, stream.statistics(buffer) + lane_index() % 4 * 2, call.scale * kLog2E);
    multiply_columns<T, kWidth, 1, kQueries, kColumns>(dv, s, stream.d_o(buffer), first_chunk);
    multiply_columns<T, kWidth, 1, kQueries, kColumns>(dk, dp, stream.queries(buffer), first_chunk);
    walk = next;
  }

  scale_all(dk[0], call.scale);
  __syncthreads();  // no warp reads the tiles of keys and values any more
  write_gradient<T, kWidth>(call.dk, block, tile_k, dk[0]);
  write_gradient<T, kWidth>(call.dv, block, tile_v, dv[0]);
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
