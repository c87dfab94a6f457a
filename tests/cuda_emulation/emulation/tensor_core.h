// Warp-wide matrix instructions: mma.sync and ldmatrix.
#pragma once

#include <cstdint>

#include "cuda_emulation/emulation/half.h"

namespace easylm::emulation {

// d += a·b for one warp: a is 16 × 16, b 16 × 8, d 16 × 8 in fp32; fragments as the PTX ISA lays them out for
// mma.m16n8k16. Sums are taken in fp64 and rounded once, since the hardware's order isn't documented.
template <typename T>
void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]);

enum class Transposed { no, yes };

// Loads 4 or 2 matrices of 8 × 8 sixteen-bit numbers: lane i gives the address of row i % 8 of matrix i / 8.
// With two matrices, the addresses of lanes 16 to 31 are not looked at.
void ldmatrix_x4(std::uint32_t (&registers)[4], const void* row, Transposed transposed);
void ldmatrix_x2(std::uint32_t (&registers)[2], const void* row, Transposed transposed);

}  // namespace easylm::emulation
