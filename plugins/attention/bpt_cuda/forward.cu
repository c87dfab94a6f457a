// The forward pass: attention over blocks of keys with an online softmax.
//
// A block of threads has a tile of queries of one head, in shared memory, and walks over the tiles of keys
// and values that they see; the next tile's copy runs under this one's products (two buffers, one barrier a
// tile). A warp owns 16 or 32 rows: scores, probabilities and output stay in its registers, and probabilities
// are rounded where the second product takes them. Tile sizes: docs/decisions/0011-cuda-tiles.md.
#include "launch.h"
#include "masking.h"
#include "query_rows.h"
#include "softmax.h"
#include "tile.h"
#include "visibility.h"

namespace easylm::bpt_cuda {
namespace {

template <typename T, int kWidth>
__global__ void __launch_bounds__(ForwardTile<kWidth>::kThreads)
    forward_kernel(const __grid_constant__ ForwardCall call) {
  using Tile = ForwardTile<kWidth>;
  constexpr int kM = Tile::kRowTiles, kKeys = Tile::kKeys, kThreads = Tile::kThreads;
  EASYLM_DYNAMIC_SHARED(std::uint16_t, shared);
  std::uint16_t* const tile_q = shared;
  std::uint16_t* const tiles_kv = shared + Tile::kQueryNumbers;  // keys, values; keys, values

  const Place place = place_of_block(divide_up(call.shape.num_queries, Tile::kQueries), call.shape.num_heads);
  const Sequence sequence = sequence_at(call.shape, call.mask, place.batch);
  // The last queries see the most keys under a causal mask: they start first.
  const int first_query = (place.num_tiles - 1 - place.tile) * Tile::kQueries;
  if (first_query >= sequence.num_queries) return;
  const int head_kv = place.head / (call.shape.num_heads / call.shape.num_key_value_heads);
  const GlobalRows q = sequence.queries(call.q, place.head);
  const GlobalRows k = sequence.keys(call.k, head_kv);
  const GlobalRows v = sequence.keys(call.v, head_kv);
  const Visibility visibility(call.shape, call.mask, sequence);
  KeyWalk<kKeys> walk(visibility, {first_query, first_query + Tile::kQueries});
  if (!walk.done()) {
    load_tile<kWidth, Tile::kQueries, kThreads>(tile_q, q, first_query);
    load_pair<kWidth, kKeys, kThreads>(tiles_kv, k, v, walk.first_key());
  }
  cp_async_commit();

  const int row = warp_index() * kM * 16;
  const float scale_log2 = call.scale * kLog2E;
  float o[kM][kWidth / 8][4] = {};
  SoftmaxState<kM> state;
  state.clear();
  for (int buffer = 0; !walk.done(); buffer ^= 1) {
    cp_async_wait<0>();
    __syncthreads();  // every thread's copies have landed, and no warp reads the other buffer any more
    KeyWalk<kKeys> next = walk;
    next.advance();
    if (!next.done()) {
      load_pair<kWidth, kKeys, kThreads>(tiles_kv + (buffer ^ 1) * 2 * Tile::kKeyNumbers, k, v,
                                         next.first_key());
    }
    cp_async_commit();

    const std::uint16_t* const tile_k = tiles_kv + buffer * 2 * Tile::kKeyNumbers;
    float s[kM][kKeys / 8][4] = {};
    multiply_rows<T, kWidth, kM, kKeys>(s, tile_q, row, tile_k);
    if (walk.partial()) {
      hide_scores<false, kM, kKeys>(s, visibility, {first_query + row, walk.first_key()});
    }
    update_softmax<kM, kKeys, kWidth>(s, o, state, scale_log2);
    multiply_columns<T, kWidth, kM, kKeys, kWidth>(o, s, tile_k + Tile::kKeyNumbers, 0);
    walk = next;
  }

  finish_softmax<kM, kWidth>(o, state);
  const WarpRows rows = {sequence, place.head, row, first_query + row};
  write_queries<T, kWidth>(call.o, rows, tile_q, o);
  if (call.lse.data != nullptr) write_lse(call.lse, rows, state);
}

}  // namespace

int forward(const ForwardCall& call, CUstream_st* stream) {
  if (!is_valid(call.shape)) return cudaErrorInvalidValue;
  if (call.shape.batch == 0 || call.shape.num_queries == 0) return cudaSuccess;
  return dispatch(call.shape, [&]<typename T, int kWidth>() {
    using Tile = ForwardTile<kWidth>;
    const unsigned blocks =
        num_blocks(divide_up(call.shape.num_queries, Tile::kQueries), call.shape.num_heads, call.shape.batch);
    if (blocks == 0) return cudaErrorInvalidValue;
    return launch_kernel(forward_kernel<T, kWidth>, {blocks, Tile::kThreads, Tile::kSharedBytes, stream},
                         call);
  });
}

}  // namespace easylm::bpt_cuda
