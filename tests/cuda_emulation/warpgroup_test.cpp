// wgmma against a plain product, for every way in which a descriptor can say how a matrix lies.
#include <cstdint>
#include <string>
#include <vector>

#include "bpt_cuda/intrinsics_sm90.h"
#include "harness.h"

namespace easylm::emulation_test {
namespace {

using namespace bpt_cuda;
using emulation::FaultKind;
using emulation::Major;

constexpr int kColumns = 72;

// How b lies in shared memory.
struct Placement {
  Major major;
  int swizzle_bytes;
  int leading_bytes, stride_bytes;

  std::uint64_t mode() const {
    return swizzle_bytes == 0 ? 0 : swizzle_bytes == 128 ? 1 : swizzle_bytes == 64 ? 2 : 3;
  }

  // The byte at which b[k, n] lies, by rows of the figures in the PTX ISA: of a pattern's 8 rows, row r has
  // its 16-byte chunks exchanged by the bits of r that count 128-byte lines.
  __device__ int byte_of(int k, int n) const {
    const int row = major == Major::k ? n % 8 : k % 8;
    const int inner = major == Major::k ? k : n;
    if (swizzle_bytes == 0) {
      const int k_bytes = k / 8 * leading_bytes, n_bytes = n / 8 * stride_bytes;
      return k_bytes + n_bytes + row * 16 + inner % 8 * 2;
    }
    const int chunks = swizzle_bytes / 16;
    const int line = row * swizzle_bytes / 128;
    const int chunk = (inner / 8 % chunks) ^ (line % chunks);
    const int pattern = major == Major::k ? n / 8 * stride_bytes
                                          : inner / (8 * chunks) * leading_bytes + k / 8 * stride_bytes;
    return pattern + row * swizzle_bytes + chunk * 16 + inner % 8 * 2;
  }
};

struct Matrices {
  float a[64][16], b[16][kColumns], d[64][kColumns];
};

__device__ std::uint64_t descriptor_of(const void* shared, const Placement& placement) {
  const std::uint64_t address = emulation::current_block().shared().address_of(shared);
  return address >> 4 | std::uint64_t(placement.leading_bytes >> 4) << 16 |
         std::uint64_t(placement.stride_bytes >> 4) << 32 | placement.mode() << 62;
}

// d += a·b, with a in registers or, in rows of 32 bytes, in shared memory.
template <typename T, bool kRegisters>
__global__ void multiply(const Matrices* in, Placement placement, Matrices* out) {
  EASYLM_DYNAMIC_SHARED(char, b);
  EASYLM_SHARED(std::uint16_t[64 * 16], a);
  const int thread = static_cast<int>(threadIdx.x), row = thread / 32 * 16 + thread % 32 / 4,
            column = thread % 4 * 2;
  const Placement rows_of_a = {Major::k, 0, 128, 256};
  for (int i = thread; i < 64 * 16; i += 128) {
    a[rows_of_a.byte_of(i % 16, i / 16) / 2] = from_float<T>(in->a[i / 16][i % 16]).bits;
  }
  for (int i = thread; i < 16 * kColumns; i += 128) {
    const T value = from_float<T>(in->b[i / kColumns][i % kColumns]);
    std::memcpy(b + placement.byte_of(i / kColumns, i % kColumns), &value, sizeof(value));
  }
  __syncthreads();
  std::uint32_t left[4];
  for (int i = 0; i < 4; ++i) {
    const float* pair = &in->a[row + i % 2 * 8][column + i / 2 * 8];
    left[i] = pack<T>(pair[0], pair[1]);
  }
  float d[kColumns / 2];
  for (int i = 0; i < kColumns / 2; ++i) d[i] = in->d[row + i % 4 / 2 * 8][i / 4 * 8 + column + i % 2];
  wgmma_fence();
  emulation::WgmmaOperands mine{d,
                                kRegisters ? left : nullptr,
                                descriptor_of(a, rows_of_a),
                                descriptor_of(b, placement),
                                kColumns,
                                placement.major,
                                true};
  emulation::current_warpgroup().multiply<T>(mine);
  wgmma_commit();
  wgmma_wait<0>();
  for (int i = 0; i < kColumns / 2; ++i) out->d[row + i % 4 / 2 * 8][i / 4 * 8 + column + i % 2] = d[i];
}

// Small integers: sums are exact in any order.
Matrices make_matrices() {
  Matrices matrices{};
  for (int i = 0; i < 64; ++i) {
    for (int k = 0; k < 16; ++k) matrices.a[i][k] = static_cast<float>((i * 7 + k * 3) % 23 - 11);
    for (int j = 0; j < kColumns; ++j) matrices.d[i][j] = static_cast<float>(i - j);
  }
  for (int k = 0; k < 16; ++k) {
    for (int j = 0; j < kColumns; ++j) matrices.b[k][j] = static_cast<float>((k * 5 + j * 11) % 19 - 9);
  }
  return matrices;
}

template <typename T, bool kRegisters>
void expect_product(const Placement& placement) {
  const Matrices in = make_matrices();
  for_every_schedule([&](CUstream_st* stream) {
    Matrices out{};
    launch_kernel(multiply<T, kRegisters>, {1, 128, 20480, stream}, &in, placement, &out);
    for (int i = 0; i < 64; ++i) {
      for (int j = 0; j < kColumns; ++j) {
        float expected = in.d[i][j];
        for (int k = 0; k < 16; ++k) expected += in.a[i][k] * in.b[k][j];
        ASSERT_EQ(out.d[i][j], expected) << i << ", " << j << ", swizzle " << placement.swizzle_bytes;
      }
    }
  });
}

TEST(Wgmma, ReadsMatricesWhoseLinesLieAlongTheInnerDimension) {
  for (const int swizzle : {128, 64, 32}) {
    expect_product<__nv_bfloat16, true>({Major::k, swizzle, 16, 8 * swizzle});
    expect_product<__half, false>({Major::k, swizzle, 16, 8 * swizzle + 1024});
  }
  expect_product<__half, true>({Major::k, 0, 128, 256});
  expect_product<__nv_bfloat16, false>({Major::k, 0, 2048, 128});
}

TEST(Wgmma, ReadsMatricesWhoseLinesLieAcrossTheInnerDimension) {
  for (const int swizzle : {128, 64, 32}) {
    expect_product<__nv_bfloat16, true>({Major::mn, swizzle, 16 * swizzle, 8 * swizzle});
    expect_product<__half, false>({Major::mn, swizzle, 1024, 8192});
  }
  expect_product<__half, true>({Major::mn, 0, 2048, 128});
}

enum class Mistake {
  none,
  no_fence,
  fence_before_a_wait,
  different_descriptors,
  base_offset,
  outside,
  half_a_group
};

__global__ void blunder(Mistake mistake) {
  EASYLM_DYNAMIC_SHARED(char, shared);
  float d[8][4] = {};
  std::uint64_t descriptor = matrix_descriptor(shared, 0);
  if (mistake == Mistake::different_descriptors && threadIdx.x == 77) descriptor += 64;
  if (mistake == Mistake::base_offset) descriptor |= std::uint64_t{1} << 49;
  if (mistake == Mistake::outside) descriptor += 8192 >> 4;
  if (mistake == Mistake::half_a_group && threadIdx.x >= 64) return;
  if (mistake != Mistake::no_fence) wgmma_fence();
  if (mistake == Mistake::fence_before_a_wait) wgmma_wait<0>();
  wgmma_shared<__half, 64>(d, descriptor, descriptor, Sum::kNew);
  wgmma_commit();
  wgmma_wait<0>();
}

TEST(Wgmma, IsNotMisused) {
  const auto kind_of = [](Mistake mistake, const char* words) {
    return fault_of([=] { launch_kernel(blunder, {1, 128, 8192, nullptr}, mistake); }, words);
  };
  EXPECT_EQ(kind_of(Mistake::none, ""), std::nullopt);
  EXPECT_EQ(kind_of(Mistake::no_fence, "without wgmma.fence"), FaultKind::misuse);
  EXPECT_EQ(kind_of(Mistake::fence_before_a_wait, "without wgmma.fence"), FaultKind::misuse);
  EXPECT_EQ(kind_of(Mistake::different_descriptors, "descriptors that differ"), FaultKind::divergence);
  EXPECT_EQ(kind_of(Mistake::base_offset, "a base offset other than 0"), FaultKind::misuse);
  EXPECT_EQ(kind_of(Mistake::outside, "wgmma: 2 bytes that are not all"), FaultKind::out_of_range);
  EXPECT_EQ(kind_of(Mistake::half_a_group, "64 (the first is 0) wait for wgmma.fence"), FaultKind::deadlock);
  EXPECT_EQ(fault_of(
                [] {
                  launch_kernel(blunder, {1, 96, 8192, nullptr}, Mistake::none);
                },
                "too few lanes"),
            FaultKind::misuse);
}

__global__ void read_before_the_wait(float* out) {
  EASYLM_DYNAMIC_SHARED(__half, shared);
  for (int i = static_cast<int>(threadIdx.x); i < 64 * 64; i += 128) shared[i] = from_float<__half>(1.0F);
  __syncthreads();
  float d[8][4] = {};
  wgmma_fence();
  wgmma_shared<__half, 64>(d, matrix_descriptor(shared, 0), matrix_descriptor(shared, 0), Sum::kNew);
  wgmma_commit();
  out[threadIdx.x] = d[0][0];
  wgmma_wait<0>();
}

TEST(Wgmma, ShowsRegistersThatAreReadTooEarly) {
  for (const emulation::Copies copies : kCopies) {
    CUstream_st stream{{emulation::WarpOrder::ascending, copies}};
    std::vector<float> out(128);
    launch_kernel(read_before_the_wait, {1, 128, 8192, &stream}, out.data());
    EXPECT_EQ(out[0], copies == emulation::Copies::early ? 16.0F : 0.0F);
  }
}

}  // namespace
}  // namespace easylm::emulation_test
