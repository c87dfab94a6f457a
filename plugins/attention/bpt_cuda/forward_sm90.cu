// The forward pass for sm_90a: one warpgroup copies, two multiply.
//
// A block of threads has 128 queries of one head. The copying warpgroup walks over the tiles of keys and
// values that they see, and keeps two of each in shared memory; each multiplying warpgroup owns 64 rows,
// whose scores, probabilities and output stay in its registers. Barriers in shared memory say when a tile is
// there and when it is free again, so that one multiplying warpgroup's softmax runs under the other's
// products.
#include "forward_sm90.h"

#include <utility>

#include "intrinsics_sm90.h"
#include "launch.h"
#include "masking.h"
#include "query_rows.h"
#include "softmax.h"
#include "tensor_maps.h"
#include "visibility.h"

namespace easylm::bpt_cuda {
namespace {

constexpr int kRowsOfGroup = 64;  // of a warpgroup's products
constexpr int kGroups = 2;        // that multiply
constexpr int kThreads = (1 + kGroups) * kWarpgroup;
constexpr int kQueries = kGroups * kRowsOfGroup;
constexpr int kKeys = 128;
constexpr int kStages = 2;
constexpr int kFreedBy = kGroups * kWarpgroup / 32;  // warps
constexpr int kEpilogueBarrier = 1;

// Tiles lie in panels of kLineNumbers columns, as tma_load_tile() writes and products read them.
template <int kWidth>
struct Tiles {
  std::uint16_t q[kQueries * kWidth];
  std::uint16_t k[kStages][kKeys * kWidth];
  std::uint16_t v[kStages][kKeys * kWidth];
};

struct Barriers {
  std::uint64_t q_there, k_there[kStages], v_there[kStages], k_free[kStages], v_free[kStages];
};

struct TensorMaps {
  CUtensorMap q, k, v;
};

// The buffer of the n-th tile, and the parity of its barriers' phase.
struct Stage {
  int index = 0;
  std::uint32_t parity = 0;
  __device__ __forceinline__ void advance() {
    if (++index < kStages) return;
    index = 0;
    parity ^= 1;
  }
};

__device__ void init_barriers(Barriers& barriers) {
  mbarrier_init(&barriers.q_there, 1);
  for (int i = 0; i < kStages; ++i) {
    mbarrier_init(&barriers.k_there[i], 1);
    mbarrier_init(&barriers.v_there[i], 1);
    mbarrier_init(&barriers.k_free[i], kFreedBy);
    mbarrier_init(&barriers.v_free[i], kFreedBy);
  }
  mbarrier_init_fence();
}

template <int kWidth, int kRows>
__device__ __forceinline__ void copy_tile(std::uint16_t* tile, const CUtensorMap* map, TileOrigin origin,
                                          std::uint64_t* there) {
  mbarrier_arrive_expect(there, kRows * kWidth * sizeof(std::uint16_t));
#pragma unroll
  for (int panel = 0; panel < kWidth / kLineNumbers; ++panel) {
    tma_load_tile(tile + panel * kRows * kLineNumbers, map,
                  {panel * kLineNumbers, origin.y, origin.z, origin.w}, there);
  }
}

// What the one copying thread does.
template <int kWidth>
__device__ void copy_tiles(Tiles<kWidth>& tiles, Barriers& barriers, const TensorMaps& maps,
                           KeyWalk<kKeys> walk, TileOrigin queries, int head_kv) {
  if (walk.done()) return;
  copy_tile<kWidth, kQueries>(tiles.q, &maps.q, queries, &barriers.q_there);
  for (Stage stage; !walk.done(); stage.advance(), walk.advance()) {
    const TileOrigin keys = {0, walk.first_key(), head_kv, queries.w};
    mbarrier_wait(&barriers.k_free[stage.index], stage.parity ^ 1);
    copy_tile<kWidth, kKeys>(tiles.k[stage.index], &maps.k, keys, &barriers.k_there[stage.index]);
    mbarrier_wait(&barriers.v_free[stage.index], stage.parity ^ 1);
    copy_tile<kWidth, kKeys>(tiles.v[stage.index], &maps.v, keys, &barriers.v_there[stage.index]);
  }
}

// s = q kᵀ of the warpgroup's rows.
template <typename T, int kWidth>
__device__ __forceinline__ void multiply_scores(float (&s)[kKeys / 8][4], const std::uint16_t* q,
                                                const std::uint16_t* k) {
  hold_registers(s);
  wgmma_fence();
#pragma unroll
  for (int i = 0; i < kWidth; i += 16) {
    const int panel = i / kLineNumbers, column = i % kLineNumbers;
    const std::uint64_t a = matrix_descriptor(q + panel * kQueries * kLineNumbers + column, 0);
    const std::uint64_t b = matrix_descriptor(k + panel * kKeys * kLineNumbers + column, 0);
    wgmma_shared<T, kKeys>(s, a, b, i == 0 ? Sum::kNew : Sum::kAdded);
  }
  wgmma_commit();
  wgmma_wait<0>();
  hold_registers(s);
}

// o += p v, with p rounded to the element type.
template <typename T, int kWidth>
__device__ __forceinline__ void multiply_values(float (&o)[kWidth / 8][4], const float (&p)[kKeys / 8][4],
                                                const std::uint16_t* v) {
  constexpr std::uint32_t kPanelBytes = kKeys * kLineNumbers * sizeof(std::uint16_t);
  std::uint32_t left[kKeys / 16][4];
#pragma unroll
  for (int i = 0; i < kKeys / 4; ++i) {
    const float(&pair)[4] = p[i / 2];
    left[i / 4][i % 4] = pack<T>(pair[i % 2 * 2], pair[i % 2 * 2 + 1]);
  }
  hold_registers(o);
  hold_registers(left);
  wgmma_fence();
#pragma unroll
  for (int i = 0; i < kKeys / 16; ++i) {
    const std::uint64_t b = matrix_descriptor(v + i * 16 * kLineNumbers, kPanelBytes);
    wgmma_registers<T, kWidth>(o, left[i], b, Sum::kAdded);
  }
  wgmma_commit();
  wgmma_wait<0>();
  hold_registers(o);
}

__device__ __forceinline__ void free_tile(std::uint64_t* barrier) {
  if (lane_index() == 0) mbarrier_arrive(barrier);
}

template <typename T, int kWidth>
__global__ void __launch_bounds__(kThreads, 1)
    forward_sm90_kernel(const __grid_constant__ ForwardCall call, const __grid_constant__ TensorMaps maps) {
  EASYLM_DYNAMIC_SHARED(Tiles<kWidth>, tiles);
  EASYLM_SHARED(Barriers, barriers);
  const Place place = place_of_block(divide_up(call.shape.num_queries, kQueries), call.shape.num_heads);
  const Sequence sequence = sequence_at(call.shape, call.mask, place.batch);
  // The last queries see the most keys under a causal mask: they start first.
  const int first_query = (place.num_tiles - 1 - place.tile) * kQueries;
  const Visibility visibility(call.shape, call.mask, sequence);
  KeyWalk<kKeys> walk(visibility, {first_query, first_query + kQueries});
  if (threadIdx.x == 0) init_barriers(barriers);
  __syncthreads();

  const int group = static_cast<int>(threadIdx.x) / kWarpgroup - 1;
  if (group < 0) {
    give_registers_back<24>();
    if (threadIdx.x == 0) {
      const int head_kv = place.head / (call.shape.num_heads / call.shape.num_key_value_heads);
      copy_tiles<kWidth>(*tiles, barriers, maps, walk, {0, first_query, place.head, place.batch}, head_kv);
    }
    return;
  }
  take_registers<240>();
  const int row = group * kRowsOfGroup + warp_index() % 4 * 16;  // of the warp, in the tile
  float o[1][kWidth / 8][4] = {};
  SoftmaxState<1> state = {{{-INFINITY, -INFINITY}}, {{0, 0}}};
  if (!walk.done()) mbarrier_wait(&barriers.q_there, 0);
  for (Stage stage; !walk.done(); stage.advance(), walk.advance()) {
    float s[1][kKeys / 8][4];
    mbarrier_wait(&barriers.k_there[stage.index], stage.parity);
    multiply_scores<T, kWidth>(s[0], tiles->q + group * kRowsOfGroup * kLineNumbers, tiles->k[stage.index]);
    free_tile(&barriers.k_free[stage.index]);
    if (walk.partial()) hide_scores<false, 1, kKeys>(s, visibility, {first_query + row, walk.first_key()});
    update_softmax<1, kKeys, kWidth>(s, o, state, call.scale * kLog2E);
    mbarrier_wait(&barriers.v_there[stage.index], stage.parity);
    multiply_values<T, kWidth>(o[0], s[0], tiles->v[stage.index]);
    free_tile(&barriers.v_free[stage.index]);
  }
  finish_softmax<1, kWidth>(o, state);
  barrier_sync(kEpilogueBarrier, kGroups * kWarpgroup);  // nobody reads queries any more
  const WarpRows rows = {sequence, place.head, row, first_query + row};
  write_queries<T, kWidth>(call.o, rows, tiles->q, o);
  if (call.lse.data != nullptr) write_lse(call.lse, rows, state);
}

template <typename T, int kWidth>
cudaError_t launch_sm90(const ForwardCall& call, const TensorMaps& maps, CUstream_st* stream) {
  const unsigned blocks =
      num_blocks(divide_up(call.shape.num_queries, kQueries), call.shape.num_heads, call.shape.batch);
  if (blocks == 0) return cudaErrorInvalidValue;
  return launch_kernel(forward_sm90_kernel<T, kWidth>, {blocks, kThreads, sizeof(Tiles<kWidth>), stream},
                       call, maps);
}

Rows queries_of(const ForwardCall& call) {
  return {call.q, call.shape.num_queries, call.shape.num_heads, call.shape.batch, kQueries};
}
Rows keys_of(const ForwardCall& call, const ConstView& view) {
  return {view, call.shape.num_keys, call.shape.num_key_value_heads, call.shape.batch, kKeys};
}

}  // namespace

bool forward_sm90_serves(const ForwardCall& call) {
  const bool has_lists =
      call.mask.segments_q != nullptr || call.mask.keep != nullptr || call.mask.starts_q != nullptr;
  return is_valid(call.shape) && (call.shape.head_dim == 64 || call.shape.head_dim == 128) && !has_lists &&
         has_tensor_map(queries_of(call)) && has_tensor_map(keys_of(call, call.k)) &&
         has_tensor_map(keys_of(call, call.v));
}

int forward_sm90(const ForwardCall& call, CUstream_st* stream) {
  if (!forward_sm90_serves(call)) return cudaErrorInvalidValue;
  if (call.shape.batch == 0 || call.shape.num_queries == 0) return cudaSuccess;
  TensorMaps maps;
  for (const auto& [map, rows] :
       {std::pair{&maps.q, queries_of(call)}, std::pair{&maps.k, keys_of(call, call.k)},
        std::pair{&maps.v, keys_of(call, call.v)}}) {
    const cudaError_t status = encode_rows(map, call.shape, rows);
    if (status != cudaSuccess) return status;
  }
  const bool is_bf16 = call.shape.element == Element::kBf16;
  if (call.shape.head_dim == 64) {
    return is_bf16 ? launch_sm90<__nv_bfloat16, 64>(call, maps, stream)
                   : launch_sm90<__half, 64>(call, maps, stream);
  }
  return is_bf16 ? launch_sm90<__nv_bfloat16, 128>(call, maps, stream)
                 : launch_sm90<__half, 128>(call, maps, stream);
}

}  // namespace easylm::bpt_cuda
