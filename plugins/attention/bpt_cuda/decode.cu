// Split-KV attention: a block has up to 16 queries that read the same keys, those of a head's group and of up
// to 8 tokens, and one part of their row's keys.
//
// Keys are read once for all of them, so that time goes into reading: the tensor cores' waste of empty rows
// costs nothing. A warp takes groups of 16 keys by itself, copies the next while it works, and keeps scores
// and output in registers; no barrier stands between warps until their sums are merged. Lengths are known to
// the device alone: each row divides its own keys among the splits.
#include "decode.h"

#include "decode_parts.h"
#include "launch.h"
#include "tile.h"

namespace easylm::bpt_cuda {
namespace {

constexpr int kQueries = kDecodeRows;  // of a block: (token, head) pairs
constexpr int kKeys = kDecodeRows;     // that a warp takes at a time; they lie in one page

// What a block works on. Pairs are numbered token by token.
struct Part {
  int batch, head_kv, first_pair, split;
  int num_keys;    // of the row
  bool is_broken;  // it has more than its pages hold: the result is NaN
  int begin, end;  // the part's groups of keys

  __device__ __forceinline__ explicit Part(const DecodeCall& call)
      : batch(static_cast<int>(blockIdx.z)),
        head_kv(static_cast<int>(blockIdx.y) % call.shape.num_key_value_heads),
        first_pair(static_cast<int>(blockIdx.y) / call.shape.num_key_value_heads * kQueries),
        split(static_cast<int>(blockIdx.x)),
        num_keys(call.lengths == nullptr ? call.shape.num_keys : call.lengths[batch]),
        is_broken(num_keys > call.shape.num_keys) {
    if (is_broken) num_keys = 0;
    const int first_seen = num_keys - call.shape.num_queries - call.window + 1;
    const int first = call.window > 0 && first_seen > 0 ? first_seen / kKeys : 0;
    const int groups = divide_up(num_keys, kKeys) - first, share = divide_up(groups, call.num_splits);
    begin = first + split * share;
    end = first + (groups < (split + 1) * share ? groups : (split + 1) * share);
  }
};

__device__ __forceinline__ bool pair_exists(const DecodeCall& call, int pair) {
  return pair < call.shape.num_queries * (call.shape.num_heads / call.shape.num_key_value_heads);
}

__device__ __forceinline__ QueryHead query_of(const DecodeCall& call, const Part& part, int pair) {
  const int shared = call.shape.num_heads / call.shape.num_key_value_heads;
  return {part.batch, part.head_kv * shared + pair % shared, pair / shared};
}

template <int kWidth>
__device__ __forceinline__ void load_queries(const DecodeCall& call, const Part& part, std::uint16_t* tile) {
  constexpr int kChunks = kWidth / 8;
  const Strides& strides = call.q.strides;
  const auto* q = static_cast<const std::uint16_t*>(call.q.data) + part.batch * strides.batch;
  for (int i = static_cast<int>(threadIdx.x); i < kQueries * kChunks; i += DecodeTile<kWidth>::kThreads) {
    const int row = i / kChunks, chunk = i % kChunks;
    const bool exists = pair_exists(call, part.first_pair + row);
    const QueryHead query = query_of(call, part, part.first_pair + row);
    cp_async16(tile + TileLayout<kWidth>::offset(row, chunk),
               q + query.token * strides.token + query.head * strides.head + chunk * 8, exists);
  }
}

// Where a group's first key or value lies.
__device__ __forceinline__ GlobalRows group_rows(const DecodeCall& call, const Part& part, int group,
                                                 const ConstView& view) {
  std::int64_t page = part.batch, token = std::int64_t{group} * kKeys;
  if (call.table != nullptr) {
    page = call.table[std::int64_t{part.batch} * call.table_width + group * kKeys / call.page_tokens];
    token = group * kKeys % call.page_tokens;
  }
  return {static_cast<const std::uint16_t*>(view.data) + page * view.strides.batch +
              token * view.strides.token + part.head_kv * view.strides.head,
          view.strides.token, part.num_keys - group * kKeys};
}

// By one warp. Rows past the end become zeros: a weight of zero would not silence a NaN.
template <int kWidth>
__device__ __forceinline__ void load_rows(std::uint16_t* tile, const GlobalRows& rows) {
  constexpr int kChunks = kWidth / 8;
#pragma unroll
  for (int i = 0; i < kKeys * kChunks / 32; ++i) {
    const int index = i * 32 + lane_index(), row = index / kChunks, chunk = index % kChunks;
    cp_async16(tile + TileLayout<kWidth>::offset(row, chunk), rows.data + row * rows.stride + chunk * 8,
               row < rows.end);
  }
}

// Of the rows lane / 4 and lane / 4 + 8, in the layout of an accumulator.
template <int kWidth>
struct Sums {
  float o[1][kWidth / 8][4] = {};
  float largest[2] = {-INFINITY, -INFINITY};  // in units of log2
  float total[2] = {0.0F, 0.0F};              // this lane's share
};

// Scores in units of log2; those that a query doesn't see become -inf.
__device__ __forceinline__ void hide_unseen(float (&s)[1][kKeys / 8][4], const DecodeCall& call,
                                            const Part& part, int group) {
  const int shared = call.shape.num_heads / call.shape.num_key_value_heads;
  const int first_key = group * kKeys + lane_index() % 4 * 2;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int token = (part.first_pair + lane_index() / 4 + half * 8) / shared;
    const int query = part.num_keys - call.shape.num_queries + token;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int distance = query - (first_key + i / 2 * 8 + i % 2);
      const bool seen = distance >= 0 && (call.window == 0 || distance < call.window);
      float& score = s[0][i / 2][half * 2 + i % 2];
      score = seen ? score * (call.scale * kLog2E) : -INFINITY;
    }
  }
}

// Scores become weights relative to the largest so far; what was summed before is scaled to it.
template <int kWidth>
__device__ __forceinline__ void weigh(float (&s)[1][kKeys / 8][4], Sums<kWidth>& sums) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float largest = sums.largest[half];
#pragma unroll
    for (int i = 0; i < 4; ++i) largest = fmaxf(largest, s[0][i / 2][half * 2 + i % 2]);
    largest = fmaxf(largest, __shfl_xor_sync(~0U, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(~0U, largest, 2));
    const float base = largest == -INFINITY ? 0.0F : largest;  // a row that has seen nothing yet
    const float factor = exp2_approx(sums.largest[half] - base);
    sums.largest[half] = largest;
    sums.total[half] *= factor;
#pragma unroll
    for (int n = 0; n < kWidth / 8; ++n) {
      sums.o[0][n][half * 2] *= factor;
      sums.o[0][n][half * 2 + 1] *= factor;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float& weight = s[0][i / 2][half * 2 + i % 2];
      weight = exp2_approx(weight - base);
      sums.total[half] += weight;
    }
  }
}

template <typename T, int kWidth>
__device__ __forceinline__ void walk(const DecodeCall& call, const Part& part, std::uint16_t* tile_q,
                                     std::uint16_t* tiles_kv, Sums<kWidth>& sums) {
  using Tile = DecodeTile<kWidth>;
  const auto load_group = [&](int group, int buffer) {
    if (group >= part.end) return;
    std::uint16_t* const to = tiles_kv + buffer * 2 * Tile::kNumbers;
    load_rows<kWidth>(to, group_rows(call, part, group, call.k));
    load_rows<kWidth>(to + Tile::kNumbers, group_rows(call, part, group, call.v));
  };
  int group = part.begin + warp_index();
  load_queries<kWidth>(call, part, tile_q);
  load_group(group, 0);
  cp_async_commit();
  cp_async_wait<0>();
  __syncthreads();  // all warps read what each copied of the queries
  for (int buffer = 0; group < part.end; group += Tile::kWarps, buffer ^= 1) {
    load_group(group + Tile::kWarps, buffer ^ 1);
    cp_async_commit();
    cp_async_wait<1>();
    __syncwarp();
    const std::uint16_t* const tile_k = tiles_kv + buffer * 2 * Tile::kNumbers;
    float s[1][kKeys / 8][4] = {};
    multiply_rows<T, kWidth, 1, kKeys>(s, tile_q, 0, tile_k);
    hide_unseen(s, call, part, group);
    weigh<kWidth>(s, sums);
    multiply_columns<T, kWidth, 1, kKeys, kWidth>(sums.o, s, tile_k + Tile::kNumbers, 0);
    __syncwarp();  // before this buffer is written again
  }
}

// The warps' sums side by side, each in what were the warp's buffers.
template <int kWidth>
struct Shelf {
  static constexpr int kPitch = DecodeTile<kWidth>::kWarpNumbers / 2;  // in fp32 numbers
  static constexpr int kLargest = kQueries * kWidth, kTotal = kLargest + kQueries;
  static_assert(kTotal + kQueries <= kPitch);
  float* sums;

  __device__ __forceinline__ float& at(int warp, int index) const { return sums[warp * kPitch + index]; }

  __device__ __forceinline__ void put(const Sums<kWidth>& own) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = lane_index() / 4 + half * 8;
      float total = own.total[half];
      total += __shfl_xor_sync(~0U, total, 1);
      total += __shfl_xor_sync(~0U, total, 2);
#pragma unroll
      for (int n = 0; n < kWidth / 8; ++n) {
        const int column = n * 8 + lane_index() % 4 * 2;
        at(warp_index(), row * kWidth + column) = own.o[0][n][half * 2];
        at(warp_index(), row * kWidth + column + 1) = own.o[0][n][half * 2 + 1];
      }
      if (lane_index() % 4 != 0) continue;
      at(warp_index(), kLargest + row) = own.largest[half];
      at(warp_index(), kTotal + row) = total;
    }
  }
};

// Of a row, over all warps.
struct Softmax {
  float base, total;  // weights are relative to the base, which is finite

  __device__ __forceinline__ float lse() const { return total > 0 ? base + log2f(total) : -INFINITY; }
};

template <int kWidth>
__device__ __forceinline__ Softmax merge_softmax(const Shelf<kWidth>& shelf, int row) {
  Softmax merged = {-INFINITY, 0.0F};
#pragma unroll
  for (int warp = 0; warp < DecodeTile<kWidth>::kWarps; ++warp) {
    merged.base = fmaxf(merged.base, shelf.at(warp, Shelf<kWidth>::kLargest + row));
  }
  if (merged.base == -INFINITY) merged.base = 0.0F;
#pragma unroll
  for (int warp = 0; warp < DecodeTile<kWidth>::kWarps; ++warp) {
    merged.total += shelf.at(warp, Shelf<kWidth>::kTotal + row) *
                    exp2_approx(shelf.at(warp, Shelf<kWidth>::kLargest + row) - merged.base);
  }
  return merged;
}

template <typename T, int kWidth>
__device__ __forceinline__ void write_part(const DecodeCall& call, const Part& part,
                                           const Shelf<kWidth>& shelf) {
  const Parts parts(call);
  for (int i = static_cast<int>(threadIdx.x); i < kQueries * kWidth / 2; i += DecodeTile<kWidth>::kThreads) {
    const int row = i / (kWidth / 2), column = i % (kWidth / 2) * 2;
    if (!pair_exists(call, part.first_pair + row)) continue;
    const Softmax merged = merge_softmax<kWidth>(shelf, row);
    float2 sum = {0.0F, 0.0F};
#pragma unroll
    for (int warp = 0; warp < DecodeTile<kWidth>::kWarps; ++warp) {
      const float weight = exp2_approx(shelf.at(warp, Shelf<kWidth>::kLargest + row) - merged.base);
      sum.x += shelf.at(warp, row * kWidth + column) * weight;
      sum.y += shelf.at(warp, row * kWidth + column + 1) * weight;
    }
    const float factor = part.is_broken ? NAN : merged.total > 0 ? 1.0F / merged.total : 0.0F;
    sum = {sum.x * factor, sum.y * factor};
    const QueryHead query = query_of(call, part, part.first_pair + row);
    if (call.num_splits == 1) {
      write_output<T>(call, query, column, sum);
      if (column == 0) write_lse(call, query, merged.lse());
    } else {
      const std::int64_t to = parts.row(query);
      *reinterpret_cast<float2*>(parts.output(part.split, to) + column) = sum;
      if (column == 0) parts.lse(part.split, to) = merged.lse();
    }
  }
}

template <typename T, int kWidth>
__global__ void __launch_bounds__(DecodeTile<kWidth>::kThreads)
    decode_kernel(const __grid_constant__ DecodeCall call) {
  using Tile = DecodeTile<kWidth>;
  EASYLM_DYNAMIC_SHARED(std::uint16_t, shared);
  std::uint16_t* const tiles_kv = shared + Tile::kNumbers;
  const Part part(call);
  Sums<kWidth> sums;
  walk<T, kWidth>(call, part, shared, tiles_kv + warp_index() * Tile::kWarpNumbers, sums);
  const Shelf<kWidth> shelf = {reinterpret_cast<float*>(tiles_kv)};
  shelf.put(sums);
  __syncthreads();
  write_part<T, kWidth>(call, part, shelf);
}

}  // namespace

std::size_t decode_scratch_bytes(const Shape& shape, int num_splits) {
  const auto rows = static_cast<std::size_t>(shape.batch) * static_cast<std::size_t>(shape.num_heads) *
                    static_cast<std::size_t>(shape.num_queries);
  if (num_splits <= 1) return 0;
  return static_cast<std::size_t>(num_splits) * rows * static_cast<std::size_t>(shape.head_dim + 1) *
         sizeof(float);
}

// Two blocks for each multiprocessor, and for each split enough keys that merging is little beside them.
int choose_splits(const Shape& shape, int num_multiprocessors) {
  constexpr int kFewestKeys = 256, kBlocksEach = 2;
  const int pairs = shape.num_queries * (shape.num_heads / shape.num_key_value_heads);
  const std::int64_t blocks =
      std::int64_t{shape.batch} * shape.num_key_value_heads * divide_up(pairs, kQueries);
  const std::int64_t wanted = blocks == 0 ? 1 : kBlocksEach * num_multiprocessors / blocks;
  const int most = divide_up(shape.num_keys, kFewestKeys);
  return static_cast<int>(wanted < most ? (wanted < 1 ? 1 : wanted) : (most < 1 ? 1 : most));
}

int decode(const DecodeCall& call, CUstream_st* stream) {
  const Shape& shape = call.shape;
  const bool pages_fit = call.table == nullptr || (call.page_tokens > 0 && call.page_tokens % kKeys == 0);
  if (!is_valid(shape) || !pages_fit || call.num_splits < 1) return cudaErrorInvalidValue;
  if (shape.batch == 0 || shape.num_queries == 0) return cudaSuccess;
  const int pairs = shape.num_queries * (shape.num_heads / shape.num_key_value_heads);
  const int tiles = divide_up(pairs, kQueries) * shape.num_key_value_heads;
  constexpr int kMostInGrid = 65535;
  if (tiles > kMostInGrid || shape.batch > kMostInGrid) return cudaErrorInvalidValue;
  const dim3 grid(static_cast<unsigned>(call.num_splits), static_cast<unsigned>(tiles),
                  static_cast<unsigned>(shape.batch));
  const int status = dispatch(shape, [&]<typename T, int kWidth>() {
    using Tile = DecodeTile<kWidth>;
    return launch_kernel(decode_kernel<T, kWidth>, {grid, Tile::kThreads, Tile::kSharedBytes, stream}, call);
  });
  return status != cudaSuccess || call.num_splits == 1 ? status : combine_parts(call, stream);
}

}  // namespace easylm::bpt_cuda
