// A tiled matrix product: cp.async into two buffers, ldmatrix, mma.sync.
#include "kernels.h"

#include "bpt_cuda/intrinsics.h"

namespace easylm::emulation_test {
namespace {

using namespace bpt_cuda;

constexpr int kTile = 32;  // rows, columns and inner dimension of a tile
constexpr int kPitch = kTile + 8;
constexpr int kThreads = 64;  // a warp for 16 rows

struct Tiles {
  alignas(16) std::uint16_t a[2][kTile][kPitch];
  alignas(16) std::uint16_t b[2][kTile][kPitch];
};

// Copies [kTile, kTile] numbers that begin at `from`; zeros for rows from `num_rows` on.
__device__ void load_tile(std::uint16_t (*to)[kPitch], const std::uint16_t* from, int pitch, int num_rows) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kTile / 8; i += kThreads) {
    const int row = i / (kTile / 8), column = i % (kTile / 8) * 8;
    const bool there = row < num_rows;
    cp_async16(&to[row][column], from + (there ? row * pitch + column : 0), there);
  }
}

__device__ void multiply_tiles(float (&sums)[kTile / 8][4], const Tiles& tiles, int buffer) {
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  for (int k = 0; k < kTile; k += 16) {
    std::uint32_t a[4];
    ldmatrix_x4<false>(a, &tiles.a[buffer][warp * 16 + lane % 16][k + lane / 16 * 8]);
    for (int n = 0; n < kTile; n += 8) {
      std::uint32_t b[2];
      ldmatrix_x2<true>(b, &tiles.b[buffer][k + lane % 16][n]);
      mma_m16n8k16<__nv_bfloat16>(sums[n / 8], a, b);
    }
  }
}

template <Omission kOmission>
__global__ void __launch_bounds__(kThreads) multiply_kernel(Product product) {
  EASYLM_SHARED(Tiles, tiles);
  const int row = static_cast<int>(blockIdx.y) * kTile, column = static_cast<int>(blockIdx.x) * kTile;
  const auto* a = static_cast<const std::uint16_t*>(product.a);
  const auto* b = static_cast<const std::uint16_t*>(product.b);
  const auto load = [&](int k) {
    const int buffer = k / kTile % 2;
    load_tile(tiles.a[buffer], a + row * product.inner + k, product.inner, product.rows - row);
    load_tile(tiles.b[buffer], b + k * product.columns + column, product.columns, kTile);
    cp_async_commit();
  };
  float sums[kTile / 8][4] = {};
  load(0);
  for (int k = 0; k < product.inner; k += kTile) {
    if constexpr (kOmission != Omission::wait_for_copies) cp_async_wait<0>();
    if constexpr (kOmission != Omission::barrier_before_use) __syncthreads();
    if (k + kTile < product.inner) load(k + kTile);
    multiply_tiles(sums, tiles, k / kTile % 2);
    if constexpr (kOmission != Omission::barrier_after_use) __syncthreads();
  }
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  for (int i = 0; i < kTile / 8 * 4; ++i) {
    const int r = row + warp * 16 + lane / 4 + i % 4 / 2 * 8, c = column + i / 4 * 8 + lane % 4 * 2 + i % 2;
    if (r < product.rows) product.c[r * product.columns + c] = sums[i / 4][i % 4];
  }
}

template <Omission kOmission>
cudaError_t launch(const Product& product, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>(product.columns / kTile),
                  static_cast<unsigned>((product.rows + kTile - 1) / kTile));
  return launch_kernel(multiply_kernel<kOmission>, {grid, kThreads, 0, stream}, product);
}

}  // namespace

cudaError_t multiply(const Product& product, Omission omission, cudaStream_t stream) {
  switch (omission) {
    case Omission::nothing:
      return launch<Omission::nothing>(product, stream);
    case Omission::wait_for_copies:
      return launch<Omission::wait_for_copies>(product, stream);
    case Omission::barrier_before_use:
      return launch<Omission::barrier_before_use>(product, stream);
    case Omission::barrier_after_use:
      return launch<Omission::barrier_after_use>(product, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace easylm::emulation_test
