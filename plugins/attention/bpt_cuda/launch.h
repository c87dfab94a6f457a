// What all launchers share: which kernel serves a shape, and which piece of work a block of threads has.
#pragma once

#include <cstdint>
#include <type_traits>

#include "intrinsics.h"
#include "kernels.h"

namespace easylm::bpt_cuda {

constexpr float kLog2E = 1.4426950408889634F;
constexpr float kLn2 = 0.6931471805599453F;

__host__ __device__ __forceinline__ constexpr int divide_up(int a, int b) { return (a + b - 1) / b; }

__device__ __forceinline__ int lane_index() { return static_cast<int>(reread_thread_index() & 31); }
__device__ __forceinline__ int warp_index() { return static_cast<int>(threadIdx.x / 32); }

// Blocks of threads are numbered by tile, head and row of the batch, tiles first.
struct Place {
  int tile, num_tiles, head, batch;
};

__device__ __forceinline__ Place place_of_block(int num_tiles, int num_heads) {
  const int index = static_cast<int>(blockIdx.x), pair = index / num_tiles;
  return {index % num_tiles, num_tiles, pair % num_heads, pair / num_heads};
}

// The number of blocks, or 0 if there are too many for a grid.
inline unsigned num_blocks(int num_tiles, int num_heads, int batch) {
  const std::int64_t pairs = std::int64_t{num_heads} * batch;
  constexpr std::int64_t kLargest = INT32_MAX;
  return pairs > kLargest || pairs * num_tiles > kLargest ? 0 : static_cast<unsigned>(pairs * num_tiles);
}

inline bool is_valid(const Shape& shape) {
  return shape.batch >= 0 && shape.num_queries >= 0 && shape.num_keys >= 0 && shape.num_heads > 0 &&
         shape.num_key_value_heads > 0 && shape.num_heads % shape.num_key_value_heads == 0;
}

// Calls launch<T, kWidth>() for the shape's element type and width.
template <typename LaunchFor>
cudaError_t dispatch(const Shape& shape, const LaunchFor& launch) {
  const auto with_type = [&](auto width) {
    constexpr int kWidth = decltype(width)::value;
    return shape.element == Element::kBf16 ? launch.template operator()<__nv_bfloat16, kWidth>()
                                           : launch.template operator()<__half, kWidth>();
  };
  switch (shape.head_dim) {
    case 64:
      return with_type(std::integral_constant<int, 64>{});
    case 80:
      return with_type(std::integral_constant<int, 80>{});
    case 96:
      return with_type(std::integral_constant<int, 96>{});
    case 128:
      return with_type(std::integral_constant<int, 128>{});
    case 256:
      return with_type(std::integral_constant<int, 256>{});
    default:
      return cudaErrorInvalidValue;
  }
}

}  // namespace easylm::bpt_cuda
