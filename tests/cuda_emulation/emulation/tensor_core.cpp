// Fragments are gathered into plain matrices, multiplied, and scattered again.
#include "cuda_emulation/emulation/tensor_core.h"

#include <array>
#include <cstring>
#include <string>

#include "cuda_emulation/emulation/block.h"

namespace easylm::emulation {
namespace {

constexpr unsigned kAllLanes = ~0U;

void require_full_warp(std::span<void* const> lanes, const char* instruction) {
  if (lanes.size() != kWarpLanes)
    fail(FaultKind::misuse, std::string(instruction) + " in a warp with too few lanes");
}

struct MmaOperands {
  float* d;
  const std::uint32_t* a;
  const std::uint32_t* b;
};

template <typename T>
float element(std::uint32_t pair, unsigned index) {
  return value_of_bits<T>(static_cast<std::uint16_t>(index == 0 ? pair : pair >> 16));
}

template <typename T>
void complete_mma(std::span<void* const> lanes) {
  require_full_warp(lanes, "mma.sync");
  float a_mk[16][16];
  float b_kn[16][8];
  for (unsigned lane = 0; lane < kWarpLanes; ++lane) {
    const auto& operands = *static_cast<const MmaOperands*>(lanes[lane]);
    const unsigned row = lane / 4;
    const unsigned column = lane % 4 * 2;
    for (unsigned half = 0; half < 2; ++half) {
      for (unsigned i = 0; i < 4; ++i) {
        a_mk[row + i % 2 * 8][column + i / 2 * 8 + half] = element<T>(operands.a[i], half);
      }
      for (unsigned i = 0; i < 2; ++i) b_kn[column + i * 8 + half][row] = element<T>(operands.b[i], half);
    }
  }
  for (unsigned lane = 0; lane < kWarpLanes; ++lane) {
    float* d = static_cast<const MmaOperands*>(lanes[lane])->d;
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = lane / 4 + i / 2 * 8;
      const unsigned column = lane % 4 * 2 + i % 2;
      double sum = d[i];
      for (unsigned k = 0; k < 16; ++k) sum += double{a_mk[row][k]} * double{b_kn[k][column]};
      d[i] = static_cast<float>(sum);
    }
  }
}

struct MatrixRow {
  const void* row;
  std::uint32_t* registers;
};

template <unsigned kMatrices, Transposed kTransposed>
void complete_ldmatrix(std::span<void* const> lanes) {
  require_full_warp(lanes, "ldmatrix");
  std::array<std::array<std::uint16_t, 8>, 8 * kMatrices> rows{};
  for (unsigned lane = 0; lane < 8 * kMatrices; ++lane) {
    const void* row = static_cast<const MatrixRow*>(lanes[lane])->row;
    require_aligned("ldmatrix", row, sizeof(rows[lane]));
    require_shared("ldmatrix", row, sizeof(rows[lane]));
    std::memcpy(rows[lane].data(), row, sizeof(rows[lane]));
  }
  for (unsigned lane = 0; lane < kWarpLanes; ++lane) {
    for (unsigned matrix = 0; matrix < kMatrices; ++matrix) {
      const auto at = [&](unsigned half) -> std::uint32_t {
        const unsigned major = lane / 4;
        const unsigned minor = lane % 4 * 2 + half;
        return kTransposed == Transposed::yes ? rows[matrix * 8 + minor][major]
                                              : rows[matrix * 8 + major][minor];
      };
      static_cast<const MatrixRow*>(lanes[lane])->registers[matrix] = at(0) | at(1) << 16;
    }
  }
}

template <unsigned kMatrices>
void load_matrices(std::uint32_t* registers, const void* row, Transposed transposed) {
  MatrixRow mine{row, registers};
  if (transposed == Transposed::yes) {
    join_warp(kAllLanes, kMatrices == 4 ? "ldmatrix.x4.trans" : "ldmatrix.x2.trans", mine,
              complete_ldmatrix<kMatrices, Transposed::yes>);
  } else {
    join_warp(kAllLanes, kMatrices == 4 ? "ldmatrix.x4" : "ldmatrix.x2", mine,
              complete_ldmatrix<kMatrices, Transposed::no>);
  }
}

}  // namespace

template <typename T>
void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  MmaOperands mine{d, a, b};
  join_warp(kAllLanes, "mma.sync", mine, complete_mma<T>);
}

template void mma_m16n8k16<__half>(float (&)[4], const std::uint32_t (&)[4], const std::uint32_t (&)[2]);
template void mma_m16n8k16<__nv_bfloat16>(float (&)[4], const std::uint32_t (&)[4],
                                          const std::uint32_t (&)[2]);

void ldmatrix_x4(std::uint32_t (&registers)[4], const void* row, Transposed transposed) {
  load_matrices<4>(registers, row, transposed);
}

void ldmatrix_x2(std::uint32_t (&registers)[2], const void* row, Transposed transposed) {
  load_matrices<2>(registers, row, transposed);
}

}  // namespace easylm::emulation
