// Barriers that count bytes, and the copies of tiles that bring them.
#include <cstdint>
#include <numeric>
#include <vector>

#include "bpt_cuda/intrinsics_sm90.h"
#include "harness.h"

namespace easylm::emulation_test {
namespace {

using namespace bpt_cuda;
using emulation::Copies;
using emulation::FaultKind;

constexpr int kTileRows = 16;
constexpr int kWidth = 64;
constexpr std::uint32_t kTileBytes = kTileRows * kWidth * 2;

// A tensor [2, 3, 20, 72] of 1, 2, 3 and so on, with a gap behind every row.
struct Tensor {
  static constexpr int kPitch = 80;
  std::vector<std::uint16_t> data = std::vector<std::uint16_t>(2 * 3 * 20 * kPitch);

  Tensor() { std::iota(data.begin(), data.end(), std::uint16_t{1}); }
  std::uint16_t at(int w, int z, int y, int x) const {
    const bool inside = w >= 0 && w < 2 && z >= 0 && z < 3 && y >= 0 && y < 20 && x >= 0 && x < 72;
    return inside ? data[((w * 3 + z) * 20 + y) * kPitch + x] : 0;
  }
};

struct MapOptions {
  std::uint64_t row_bytes = Tensor::kPitch * 2;
  std::uint32_t box_width = kWidth, box_rows = kTileRows;
  CUtensorMapSwizzle swizzle = CU_TENSOR_MAP_SWIZZLE_128B;
};

CUresult encode(Tensor& tensor, const MapOptions& options, CUtensorMap* map) {
  const std::uint64_t size[4] = {72, 20, 3, 2};
  const std::uint64_t stride[3] = {options.row_bytes, 20 * Tensor::kPitch * 2, 3 * 20 * Tensor::kPitch * 2};
  const std::uint32_t box[4] = {options.box_width, options.box_rows, 1, 1};
  const std::uint32_t ones[4] = {1, 1, 1, 1};
  return cuTensorMapEncodeTiled(map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 4, tensor.data.data(), size, stride,
                                box, ones, CU_TENSOR_MAP_INTERLEAVE_NONE, options.swizzle,
                                CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

enum class Omission { nothing, wait, expectation, initialisation, everything_after_the_copy };

// Thread 0 copies a tile; all write what they see.
__global__ void copy_tile(const __grid_constant__ CUtensorMap map, TileOrigin origin, std::uint16_t* out,
                          Omission omission) {
  EASYLM_DYNAMIC_SHARED(std::uint16_t, tile);
  EASYLM_SHARED(std::uint64_t, barrier);
  if (threadIdx.x == 0) {
    if (omission != Omission::initialisation) mbarrier_init(&barrier, 1);
    mbarrier_init_fence();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    if (omission == Omission::expectation) {
      mbarrier_arrive(&barrier);
    } else {
      mbarrier_arrive_expect(&barrier, kTileBytes);
    }
    tma_load_tile(tile, &map, origin, &barrier);
  }
  if (omission == Omission::everything_after_the_copy) return;
  if (omission != Omission::wait) mbarrier_wait(&barrier, 0);
  for (int i = static_cast<int>(threadIdx.x); i < kTileRows * kWidth; i += static_cast<int>(blockDim.x))
    out[i] = tile[i];
  __syncthreads();
  mbarrier_wait(&barrier, 0);
}

std::vector<std::uint16_t> copied(TileOrigin origin, const MapOptions& options, CUstream_st* stream,
                                  Omission omission) {
  Tensor tensor;
  CUtensorMap map;
  EXPECT_EQ(encode(tensor, options, &map), CUDA_SUCCESS);
  std::vector<std::uint16_t> out(kTileRows * kWidth);
  launch_kernel(copy_tile, {1, 64, kTileBytes, stream}, map, origin, out.data(), omission);
  return out;
}

// The tile as it lies in shared memory: row r's 16-byte chunks exchanged by r.
std::vector<std::uint16_t> tile_at(TileOrigin origin, bool swizzled) {
  const Tensor tensor;
  std::vector<std::uint16_t> tile(kTileRows * kWidth);
  for (int row = 0; row < kTileRows; ++row) {
    for (int i = 0; i < kWidth; ++i) {
      const int place = swizzled ? ((i / 8) ^ (row % 8)) * 8 + i % 8 : i;
      tile[row * kWidth + place] = tensor.at(origin.w, origin.z, origin.y + row, origin.x + i);
    }
  }
  return tile;
}

TEST(TensorMap, BringsTilesWithZerosForWhatIsOutside) {
  for_every_schedule([](CUstream_st* stream) {
    for (const TileOrigin origin : {TileOrigin{0, 0, 0, 0}, TileOrigin{8, 4, 2, 1}, TileOrigin{16, 10, 1, 0},
                                    TileOrigin{-8, -3, 0, 1}, TileOrigin{0, 0, 3, 0}}) {
      EXPECT_EQ(copied(origin, {}, stream, Omission::nothing), tile_at(origin, true));
    }
    MapOptions plain;
    plain.swizzle = CU_TENSOR_MAP_SWIZZLE_NONE;
    EXPECT_EQ(copied({8, 4, 2, 1}, plain, stream, Omission::nothing), tile_at({8, 4, 2, 1}, false));
  });
}

// A tile of a tensor of fewer dimensions: [4, 8] of a matrix [6, 16] that lies at the tensor's beginning.
__global__ void copy_from_matrix(const __grid_constant__ CUtensorMap map, int row, std::uint16_t* out) {
  EASYLM_DYNAMIC_SHARED(std::uint16_t, tile);
  EASYLM_SHARED(std::uint64_t, barrier);
  mbarrier_init(&barrier, 1);
  mbarrier_arrive_expect(&barrier, 64);
  emulation::load_tile({tile, &map, {8, row}, 2, &barrier});
  mbarrier_wait(&barrier, 0);
  for (int i = 0; i < 32; ++i) out[i] = tile[i];
}

TEST(TensorMap, KnowsFewerDimensions) {
  Tensor tensor;
  CUtensorMap map;
  const std::uint64_t size[2] = {16, 6};
  const std::uint64_t stride[1] = {Tensor::kPitch * 2};
  const std::uint32_t box[2] = {8, 4};
  const std::uint32_t ones[2] = {1, 1};
  ASSERT_EQ(cuTensorMapEncodeTiled(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, tensor.data.data(), size, stride,
                                   box, ones, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_NONE,
                                   CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
            CUDA_SUCCESS);
  std::vector<std::uint16_t> out(32);
  launch_kernel(copy_from_matrix, {1, 1, 64, nullptr}, map, 3, out.data());
  for (int row = 0; row < 4; ++row) {
    for (int i = 0; i < 8; ++i)
      EXPECT_EQ(out[row * 8 + i], row + 3 < 6 ? tensor.at(0, 0, row + 3, i + 8) : 0);
  }
  const auto with_four_coordinates = [&] {
    launch_kernel(copy_tile, {1, 64, kTileBytes, nullptr}, map, TileOrigin{}, out.data(), Omission::nothing);
  };
  EXPECT_EQ(fault_of(with_four_coordinates, "4 coordinates for a tensor map of rank 2"), FaultKind::misuse);
}

TEST(TensorMap, ShowsAMissingWait) {
  CUstream_st early{{emulation::WarpOrder::descending, Copies::early}};  // thread 0 goes on first
  CUstream_st late{{emulation::WarpOrder::ascending, Copies::late}};
  EXPECT_EQ(copied({0, 0, 0, 0}, {}, &early, Omission::wait), tile_at({0, 0, 0, 0}, true));
  EXPECT_EQ(copied({0, 0, 0, 0}, {}, &late, Omission::wait),
            std::vector<std::uint16_t>(kTileRows * kWidth, 0xFFFF));
}

TEST(TensorMap, FindsMistakesWithItsBarrier) {
  const auto kind_of = [](Omission omission, Copies copies, const char* words) {
    return fault_of(
        [=] {
          CUstream_st stream{{emulation::WarpOrder::ascending, copies}};
          copied({0, 0, 0, 0}, {}, &stream, omission);
        },
        words);
  };
  EXPECT_EQ(kind_of(Omission::expectation, Copies::early, "2048 bytes landed at an mbarrier that expects 0"),
            FaultKind::misuse);
  EXPECT_EQ(kind_of(Omission::expectation, Copies::late, "ended with copies that nobody waited for"),
            FaultKind::misuse);
  EXPECT_EQ(kind_of(Omission::everything_after_the_copy, Copies::late, "ended with copies"),
            FaultKind::misuse);
  EXPECT_EQ(kind_of(Omission::initialisation, Copies::early, "not initialised"), FaultKind::misuse);
}

TEST(TensorMap, IsRefusedWhereTheDriverRefuses) {
  Tensor tensor;
  CUtensorMap map;
  MapOptions options;
  EXPECT_EQ(encode(tensor, options, &map), CUDA_SUCCESS);
  options.row_bytes = 168;
  EXPECT_EQ(encode(tensor, options, &map), CUDA_ERROR_INVALID_VALUE);  // no multiple of 16
  options = {};
  options.box_rows = 257;
  EXPECT_EQ(encode(tensor, options, &map), CUDA_ERROR_INVALID_VALUE);
  options = {};
  options.swizzle = CU_TENSOR_MAP_SWIZZLE_64B;
  EXPECT_EQ(encode(tensor, options, &map), CUDA_ERROR_INVALID_VALUE);  // rows of 128 bytes
  options = {};
  options.box_width = 4;
  EXPECT_EQ(encode(tensor, options, &map), CUDA_ERROR_INVALID_VALUE);  // rows of 8 bytes
}

// Each of two phases takes an arrival of all 64 threads; thread 0 waits for both.
__global__ void count_phases(int num_arrivals) {
  EASYLM_SHARED(std::uint64_t, barrier);
  if (threadIdx.x == 0) mbarrier_init(&barrier, 64);
  __syncthreads();
  if (threadIdx.x == 0) mbarrier_wait(&barrier, 1);  // the phase before the first has ended
  for (int i = 0; i < num_arrivals; ++i) {
    mbarrier_arrive(&barrier);
    if (threadIdx.x == 0) mbarrier_wait(&barrier, static_cast<std::uint32_t>(i % 2));
    __syncthreads();
  }
  if (threadIdx.x == 0) mbarrier_wait(&barrier, 1);
}

TEST(Mbarrier, CountsPhases) {
  for_every_schedule([](CUstream_st* stream) {
    EXPECT_EQ(fault_of([=] { launch_kernel(count_phases, {1, 64, 0, stream}, 2); }, ""), std::nullopt);
    EXPECT_EQ(fault_of(
                  [=] {
                    launch_kernel(count_phases, {1, 64, 0, stream}, 3);
                  },
                  "1 (the first is 0) wait for an mbarrier"),
              FaultKind::deadlock);
  });
}

}  // namespace
}  // namespace easylm::emulation_test
