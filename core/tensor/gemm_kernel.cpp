// Kernels by instruction set, and the choice between them.
#include "easylm/tensor/gemm_kernel.h"

#include "easylm/error.h"
#include "gemm_loops.h"

namespace easylm {

namespace {

// One instruction set: `attributes` say what the compiler may use, `lanes` are the floats in a register; a
// tile of `rows` × 2 registers leaves room for a row of B and one number of A.
#define EASYLM_GEMM_KERNEL(name, attributes, lanes, rows, ...)                                           \
  attributes void name##_tile(std::int64_t depth, const float* a, const float* b, std::int64_t b_stride, \
                              float* c, std::int64_t c_stride, bool accumulate) {                        \
    gemm_loops::multiply<lanes, rows, 2>(depth, a, b, b_stride, c, c_stride, accumulate);                \
  }                                                                                                      \
  template <typename T>                                                                                  \
  attributes void name##_pack_a(const GemmLines<T>& lines, float* panels) {                              \
    gemm_loops::pack<rows>(lines, panels);                                                               \
  }                                                                                                      \
  template <typename T>                                                                                  \
  attributes void name##_pack_b(const GemmLines<T>& lines, float* panels) {                              \
    gemm_loops::pack<2 * (lanes)>(lines, panels);                                                        \
  }                                                                                                      \
  constexpr GemmKernel name = {rows,          2 * (lanes),   __VA_ARGS__,   name##_pack_a,               \
                               name##_pack_b, name##_pack_a, name##_pack_b, name##_tile}

// Block depth in words, rows and columns; numbers in a word; whether it is vectorised.
EASYLM_GEMM_KERNEL(portable, , 4, 4, 256, 64, 1024, 1, false);
#if defined(__x86_64__)
EASYLM_GEMM_KERNEL(avx2, __attribute__((target("avx2,fma"))), 8, 6, 384, 144, 1536, 1, true);
EASYLM_GEMM_KERNEL(avx512, __attribute__((target("avx512f,avx2,fma"))), 16, 14, 256, 196, 2048, 1, true);

#define EASYLM_AVX512_BF16 __attribute__((target("avx512f,avx512bf16,avx2,fma")))
EASYLM_AVX512_BF16 void avx512_bf16_tile(std::int64_t words, const float* a, const float* b,
                                         std::int64_t b_stride, float* c, std::int64_t c_stride,
                                         bool accumulate) {
  gemm_loops::multiply_pairs<14, 2>(words, a, b, b_stride, c, c_stride, accumulate);
}
EASYLM_AVX512_BF16 void avx512_bf16_pack_a(const GemmLines<c10::BFloat16>& lines, float* panels) {
  gemm_loops::pack_pairs<14>(lines, panels);
}
EASYLM_AVX512_BF16 void avx512_bf16_pack_b(const GemmLines<c10::BFloat16>& lines, float* panels) {
  gemm_loops::pack_pairs<32>(lines, panels);
}
constexpr GemmKernel kAvx512Bf16 = {14,
                                    32,
                                    256,
                                    196,
                                    2048,
                                    2,
                                    true,
                                    nullptr,
                                    nullptr,
                                    avx512_bf16_pack_a,
                                    avx512_bf16_pack_b,
                                    avx512_bf16_tile};
#undef EASYLM_AVX512_BF16
#endif

#undef EASYLM_GEMM_KERNEL

}  // namespace

bool has_instructions(InstructionSet set) {
#if defined(__x86_64__)
  const bool vectors = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (set == InstructionSet::avx2) return vectors;
  const bool wide =
      vectors && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  if (set == InstructionSet::avx512) return wide;
  if (set == InstructionSet::avx512_bf16)
    return wide && __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512bf16") != 0;
#endif
  return set == InstructionSet::portable;
}

const GemmKernel& gemm_kernel(InstructionSet set) {
  EASYLM_CHECK(has_instructions(set), "a kernel of instructions that this processor does not have");
#if defined(__x86_64__)
  if (set == InstructionSet::avx2) return avx2;
  if (set == InstructionSet::avx512) return avx512;
  if (set == InstructionSet::avx512_bf16) return kAvx512Bf16;
#endif
  return portable;
}

InstructionSet best_instructions() {
  static const InstructionSet best = [] {
    for (const InstructionSet set : {InstructionSet::avx512, InstructionSet::avx2}) {
      if (has_instructions(set)) return set;
    }
    return InstructionSet::portable;
  }();
  return best;
}

InstructionSet best_bf16_instructions() {
#if defined(__x86_64__)
  // On Intel's processors these dot products take more than twice as long as fp32's multiply-adds:
  // docs/log.md.
  static const bool pairs = has_instructions(InstructionSet::avx512_bf16) && __builtin_cpu_is("intel") == 0;
  if (pairs) return InstructionSet::avx512_bf16;
#endif
  return best_instructions();
}

const GemmKernel& gemm_kernel() {
  static const GemmKernel& best = gemm_kernel(best_instructions());
  return best;
}

const GemmKernel& bf16_gemm_kernel() {
  static const GemmKernel& best = gemm_kernel(best_bf16_instructions());
  return best;
}

}  // namespace easylm
