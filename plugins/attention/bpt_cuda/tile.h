// Tiles of 16-bit numbers in shared memory, [rows, kWidth], and the products that mma.sync makes of them.
#pragma once

#include <cstdint>

#include "intrinsics.h"
#include "launch.h"
#include "sequence.h"
#include "tile_sizes.h"

namespace easylm::bpt_cuda {

// Where numbers lie in a tile.
template <int kWidth>
struct TileLayout : TileRow<kWidth> {
  using TileRow<kWidth>::kPermuted;
  using TileRow<kWidth>::kPitch;

  static __device__ __forceinline__ int offset(int row, int chunk) {
    return row * kPitch + (kPermuted ? chunk / 8 * 64 + (chunk % 8 ^ (row & 7)) * 8 : chunk * 8);
  }

  // offset(row, chunk + odd) for an even chunk, which is known when this is compiled: all that depends on the
  // lane is the same for every fourth of them.
  static __device__ __forceinline__ int offset(int row, int chunk, int odd) {
    return row * kPitch +
           (kPermuted ? chunk / 8 * 64 + (chunk % 8 ^ (odd ^ (row & 7))) * 8 : (chunk + odd) * 8);
  }
};

// Copies kRows rows from `begin` on, asynchronously.
template <int kWidth, int kRows, int kThreads>
__device__ __forceinline__ void load_tile(std::uint16_t* tile, const GlobalRows& rows, int begin) {
  constexpr unsigned kChunks = kWidth / 8;
  static_assert(kRows * kChunks % kThreads == 0);
  const unsigned thread = reread_thread_index();
#pragma unroll
  for (unsigned i = 0; i < kRows * kChunks / kThreads; ++i) {
    const unsigned index = i * kThreads + thread;
    const int row = static_cast<int>(index / kChunks), chunk = static_cast<int>(index % kChunks);
    cp_async16(tile + TileLayout<kWidth>::offset(row, chunk),
               rows.data + (begin + row) * rows.stride + chunk * 8, begin + row < rows.end);
  }
}

// Two tiles of one pair of tensors, one behind the other.
template <int kWidth, int kRows, int kThreads>
__device__ __forceinline__ void load_pair(std::uint16_t* tiles, const GlobalRows& first,
                                          const GlobalRows& second, int begin) {
  load_tile<kWidth, kRows, kThreads>(tiles, first, begin);
  load_tile<kWidth, kRows, kThreads>(tiles + kRows * TileLayout<kWidth>::kPitch, second, begin);
}

// acc += A B^T over the whole width: kM times 16 rows of tile `a` from row_a on, kN rows of tile `b`.
template <typename T, int kWidth, int kM, int kN>
__device__ __forceinline__ void multiply_rows(float (&acc)[kM][kN / 8][4], const std::uint16_t* a, int row_a,
                                              const std::uint16_t* b) {
  using Layout = TileLayout<kWidth>;
  const int lane = lane_index();
  const int lane_row_a = row_a + (lane & 15);
  const int lane_row_b = (lane & 7) + (lane >> 4) * 8;
#pragma unroll
  for (int chunk = 0; chunk < kWidth / 8; chunk += 2) {
    std::uint32_t left[kM][4];
#pragma unroll
    for (int m = 0; m < kM; ++m) {
      ldmatrix_x4<false>(left[m], a + Layout::offset(lane_row_a + m * 16, chunk, lane >> 4));
    }
#pragma unroll
    for (int n = 0; n < kN; n += 16) {
      std::uint32_t right[4];
      ldmatrix_x4<false>(right, b + Layout::offset(n + lane_row_b, chunk, (lane >> 3) & 1));
      const std::uint32_t low[2] = {right[0], right[1]}, high[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < kM; ++m) {
        mma_m16n8k16<T>(acc[m][n / 8], left[m], low);
        mma_m16n8k16<T>(acc[m][n / 8 + 1], left[m], high);
      }
    }
  }
}

// acc += P B: P [kM times 16, kK] in the layout of an accumulator, rounded here; kColumns columns of tile `b`
// from first_chunk on.
template <typename T, int kWidth, int kM, int kK, int kColumns>
__device__ __forceinline__ void multiply_columns(float (&acc)[kM][kColumns / 8][4],
                                                 const float (&p)[kM][kK / 8][4], const std::uint16_t* b,
                                                 int first_chunk) {
  using Layout = TileLayout<kWidth>;
  const int lane = lane_index();
#pragma unroll
  for (int k = 0; k < kK; k += 16) {
    std::uint32_t left[kM][4];
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float(&pair)[4] = p[m][k / 8 + i / 2];
        left[m][i] = pack<T>(pair[i % 2 * 2], pair[i % 2 * 2 + 1]);
      }
    }
#pragma unroll
    for (int chunk = 0; chunk < kColumns / 8; chunk += 2) {
      std::uint32_t right[4];
      ldmatrix_x4<true>(right, b + Layout::offset(k + (lane & 15), first_chunk + chunk, lane >> 4));
      const std::uint32_t low[2] = {right[0], right[1]}, high[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < kM; ++m) {
        mma_m16n8k16<T>(acc[m][chunk], left[m], low);
        mma_m16n8k16<T>(acc[m][chunk + 1], left[m], high);
      }
    }
  }
}

struct TileCorner {
  int row, chunk;
};

// Writes 16 rows of an accumulator, rounded, into `tile` from `corner` on.
template <typename T, int kWidth, int kColumns>
__device__ __forceinline__ void store_fragment(std::uint16_t* tile, TileCorner corner,
                                               const float (&acc)[kColumns / 8][4]) {
  const int lane = lane_index();
#pragma unroll
  for (int n = 0; n < kColumns / 8; ++n) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int offset =
          TileLayout<kWidth>::offset(corner.row + lane / 4 + half * 8, corner.chunk + n) + lane % 4 * 2;
      *reinterpret_cast<std::uint32_t*>(tile + offset) = pack<T>(acc[n][half * 2], acc[n][half * 2 + 1]);
    }
  }
}

struct alignas(16) Chunk {
  std::uint32_t words[4];
};

template <typename Number>
struct GlobalTarget {
  Number* data;
  std::int64_t stride;
  int row, end;  // the first row that is written, and the one at which memory ends
};

// Copies the warp's 16 rows of `tile` from `corner` on to the same columns of global memory.
template <int kWidth, int kColumns>
__device__ __forceinline__ void write_rows(const GlobalTarget<std::uint16_t>& target,
                                           const std::uint16_t* tile, TileCorner corner) {
  constexpr int kChunks = kColumns / 8;
#pragma unroll
  for (int i = 0; i < 16 * kChunks / 32; ++i) {
    const int index = i * 32 + lane_index();
    const int row = index / kChunks, chunk = corner.chunk + index % kChunks;
    if (target.row + row < target.end) {
      *reinterpret_cast<Chunk*>(target.data + (target.row + row) * target.stride + chunk * 8) =
          *reinterpret_cast<const Chunk*>(tile + TileLayout<kWidth>::offset(corner.row + row, chunk));
    }
  }
}

}  // namespace easylm::bpt_cuda
