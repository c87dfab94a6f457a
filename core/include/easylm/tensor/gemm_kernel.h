// The innermost loops of a matrix product, once per instruction set: packing a block into the order in which
// it is read, and the product of one tile that stays in registers.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "easylm/export.h"

namespace easylm {

// `count` lines of `depth` numbers each, element (line, k) at data[line · line_stride + k · depth_stride].
template <typename T>
struct GemmLines {
  const T* data;
  std::int64_t line_stride, depth_stride;
  std::int64_t count, depth;
};

// A panel holds `width` lines, word k of each side by side: [words][width]; the last panel of a block is
// filled up with zeros. A word is a float, or, for a kernel that multiplies pairs, two neighbouring bf16
// numbers of a line, the last of an odd depth being 0.
template <typename T>
using PackPanels = void (*)(const GemmLines<T>& lines, float* panels);

struct GemmKernel {
  std::int64_t tile_rows, tile_columns;  // widths of A's and of B's panels
  // Block sizes for whole matrices: a panel of B stays in the first-level cache, a block of A in the second,
  // one of B in the third.
  std::int64_t block_depth, block_rows, block_columns;
  std::int64_t numbers_per_word;  // 1, or 2: then only the packing of bf16 is there
  bool is_vectorised;             // whether it uses the processor's vectors

  PackPanels<float> pack_a, pack_b;
  PackPanels<c10::BFloat16> pack_a_bf16, pack_b_bf16;

  // c[tile_rows, tile_columns] = a^T · b, or += if `accumulate`: a is a panel of A; b has rows of
  // tile_columns words, in a panel or inside a larger matrix.
  void (*tile)(std::int64_t words, const float* a, const float* b, std::int64_t b_stride, float* c,
               std::int64_t c_stride, bool accumulate);
};

// Packing may write so many numbers behind the last panel.
constexpr std::int64_t kPackSlack = 16;

// avx2 comes with FMA, avx512 (F) with DQ and these, avx512_bf16 with BW and all of them.
enum class InstructionSet { portable, avx2, avx512, avx512_bf16 };

// Whether this processor has it, and this build its kernel. [any-thread]
EASYLM_API bool has_instructions(InstructionSet set);

// The kernel of one instruction set; that of avx512_bf16 multiplies pairs. REQUIRES: has_instructions(set).
// [any-thread]
EASYLM_API const GemmKernel& gemm_kernel(InstructionSet set);

// The best for this processor, of floats or for a product of bf16. [any-thread]
EASYLM_API InstructionSet best_instructions();
EASYLM_API InstructionSet best_bf16_instructions();

// The best one for this processor, of floats. [any-thread]
EASYLM_API const GemmKernel& gemm_kernel();

// The best one for whole matrices of bf16: of pairs where the processor has dot products of them.
// [any-thread]
EASYLM_API const GemmKernel& bf16_gemm_kernel();

}  // namespace easylm
