// mma.sync and ldmatrix against plain loops, with fragments as the PTX ISA's figures have them.
#include <cstdint>
#include <cstring>
#include <vector>

#include "harness.h"

namespace easylm::emulation_test {
namespace {

using namespace bpt_cuda;
using emulation::FaultKind;

struct Matrices {
  float a[16][16], b[16][8], d[16][8];
};

// A lane's elements by the formulas of the PTX ISA for mma.m16n8k16.
template <typename T>
__global__ void multiply(const Matrices* in, Matrices* out) {
  const unsigned group = threadIdx.x >> 2;
  const unsigned in_group = threadIdx.x % 4;
  const auto row_a = [&](unsigned i) { return i < 2 || (i >= 4 && i < 6) ? group : group + 8; };
  const auto column_a = [&](unsigned i) { return in_group * 2 + (i & 1) + (i < 4 ? 0 : 8); };
  const auto row_b = [&](unsigned i) { return in_group * 2 + (i & 1) + (i < 2 ? 0 : 8); };
  const auto row_d = [&](unsigned i) { return i < 2 ? group : group + 8; };
  std::uint32_t a[4];
  std::uint32_t b[2];
  float d[4];
  for (unsigned i = 0; i < 8; i += 2) {
    a[i / 2] = pack<T>(in->a[row_a(i)][column_a(i)], in->a[row_a(i + 1)][column_a(i + 1)]);
  }
  for (unsigned i = 0; i < 4; i += 2) b[i / 2] = pack<T>(in->b[row_b(i)][group], in->b[row_b(i + 1)][group]);
  for (unsigned i = 0; i < 4; ++i) d[i] = in->d[row_d(i)][in_group * 2 + (i & 1)];
  mma_m16n8k16<T>(d, a, b);
  for (unsigned i = 0; i < 4; ++i) out->d[row_d(i)][in_group * 2 + (i & 1)] = d[i];
}

template <typename T>
struct Mma : testing::Test {};
using Types = testing::Types<__half, __nv_bfloat16>;
TYPED_TEST_SUITE(Mma, Types);

// Small integers: sums are exact in any order.
TYPED_TEST(Mma, IsAMatrixProduct) {
  Matrices in{};
  for (int i = 0; i < 16; ++i) {
    for (int k = 0; k < 16; ++k) in.a[i][k] = static_cast<float>((i * 7 + k * 3) % 23 - 11);
    for (int j = 0; j < 8; ++j) {
      in.b[i][j] = static_cast<float>((i * 5 + j * 11) % 19 - 9);
      in.d[i][j] = static_cast<float>(i * 8 + j);
    }
  }
  for_every_schedule([&](CUstream_st* stream) {
    Matrices out{};
    launch_kernel(multiply<TypeParam>, {1, 32, 0, stream}, &in, &out);
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < 8; ++j) {
        float expected = in.d[i][j];
        for (int k = 0; k < 16; ++k) expected += in.a[i][k] * in.b[k][j];
        ASSERT_EQ(out.d[i][j], expected) << i << ", " << j;
      }
    }
  });
}

using Fragments = std::uint32_t[32][4];

template <bool kTransposed, int kMatrices>
__global__ void load(std::uint32_t (*out)[4]) {
  EASYLM_SHARED(std::uint16_t[4][8][8], matrices);
  std::uint16_t* flat = &matrices[0][0][0];
  for (unsigned i = threadIdx.x; i < 256; i += 32) flat[i] = static_cast<std::uint16_t>(i);
  __syncwarp();
  const unsigned lane = threadIdx.x % (8 * kMatrices);
  const void* row = matrices[lane / 8][lane % 8];
  if constexpr (kMatrices == 4) {
    ldmatrix_x4<kTransposed>(*reinterpret_cast<std::uint32_t(*)[4]>(out[threadIdx.x]), row);
  } else {
    ldmatrix_x2<kTransposed>(*reinterpret_cast<std::uint32_t(*)[2]>(out[threadIdx.x]), row);
  }
}

template <bool kTransposed, int kMatrices>
void expect_fragments() {
  Fragments out{};
  launch_kernel(load<kTransposed, kMatrices>, {1, 32, 0, nullptr}, out);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned matrix = 0; matrix < kMatrices; ++matrix) {
      const unsigned row = lane / 4;
      const unsigned column = lane % 4 * 2;
      const auto number = [&](unsigned i, unsigned j) {
        return matrix * 64 + (kTransposed ? j * 8 + i : i * 8 + j);
      };
      EXPECT_EQ(out[lane][matrix], number(row, column) | number(row, column + 1) << 16)
          << lane << ", " << matrix;
    }
  }
}

TEST(Ldmatrix, GivesEachLaneItsFragment) {
  expect_fragments<false, 4>();
  expect_fragments<true, 4>();
  expect_fragments<false, 2>();
  expect_fragments<true, 2>();
}

__global__ void load_from(int offset) {
  EASYLM_DYNAMIC_SHARED(unsigned char, shared);
  std::uint32_t registers[4];
  ldmatrix_x4<false>(registers, shared + offset);
}

TEST(Ldmatrix, RefusesAddressesThatTheHardwareRefuses) {
  const auto load_at = [](int offset) {
    return [=] { launch_kernel(load_from, {1, 32, 1024, nullptr}, offset); };
  };
  EXPECT_EQ(fault_of(load_at(1008), ""), std::nullopt);
  EXPECT_EQ(fault_of(load_at(8), "ldmatrix: an address that is no multiple of 16"), FaultKind::misalignment);
  EXPECT_EQ(fault_of(load_at(1024), "ldmatrix: 16 bytes that are not all"), FaultKind::out_of_range);
}

__global__ void multiply_in_half_a_warp() {
  float d[4] = {};
  const std::uint32_t a[4] = {};
  const std::uint32_t b[2] = {};
  if (threadIdx.x < 16) mma_m16n8k16<__half>(d, a, b);
}

TEST(MmaWarp, IsWhole) {
  EXPECT_EQ(fault_of(
                [] {
                  launch_kernel(multiply_in_half_a_warp, {1, 32, 0, nullptr});
                },
                "16 (the first is 0) wait for mma.sync"),
            FaultKind::deadlock);
  EXPECT_EQ(fault_of(
                [] {
                  launch_kernel(multiply_in_half_a_warp, {1, 16, 0, nullptr});
                },
                "too few lanes"),
            FaultKind::misuse);
}

}  // namespace
}  // namespace easylm::emulation_test
