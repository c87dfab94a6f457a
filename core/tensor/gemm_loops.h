// Plain loops over vectors of any width: the compiler keeps a tile's sums in registers, one fused
// multiply-add each. Compiled into gemm_kernel.cpp once per instruction set.
#pragma once

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "easylm/tensor/gemm_kernel.h"
#include "easylm/tensor/simd.h"

namespace easylm::gemm_loops {

// Aligned like their elements: panels and matrices may start anywhere.
template <int lanes>
struct Vector {
  typedef float Floats __attribute__((vector_size(lanes * sizeof(float)), aligned(sizeof(float)), may_alias));
};
using Floats8 = Vector<8>::Floats;
typedef std::uint16_t Halves8 __attribute__((vector_size(16), aligned(2), may_alias));
typedef std::uint32_t Words8 __attribute__((vector_size(32)));

EASYLM_INLINE void load8(const float* in, Floats8& out) { out = *reinterpret_cast<const Floats8*>(in); }
EASYLM_INLINE void load8(const c10::BFloat16* in, Floats8& out) {
  const Words8 words = __builtin_convertvector(*reinterpret_cast<const Halves8*>(in), Words8) << 16U;
  std::memcpy(&out, &words, sizeof out);
}
EASYLM_INLINE void store8(const Floats8& in, float* out) { *reinterpret_cast<Floats8*>(out) = in; }

// Eight rows of eight become eight columns.
EASYLM_INLINE void transpose8(Floats8 (&x)[8]) {
  Floats8 pairs[8], quads[8];
  for (int i = 0; i < 4; ++i) {
    const Floats8 &even = x[2 * i], &odd = x[2 * i + 1];
    pairs[2 * i] = __builtin_shufflevector(even, odd, 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[2 * i + 1] = __builtin_shufflevector(even, odd, 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; ++j) {
      const Floats8 &first = pairs[i + j], &second = pairs[i + j + 2];
      quads[i + 2 * j] = __builtin_shufflevector(first, second, 0, 1, 8, 9, 4, 5, 12, 13);
      quads[i + 2 * j + 1] = __builtin_shufflevector(first, second, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int i = 0; i < 4; ++i) {
    x[i] = __builtin_shufflevector(quads[i], quads[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    x[i + 4] = __builtin_shufflevector(quads[i], quads[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// A whole panel whose lines are contiguous, eight lines and eight k at a time. Where `width` is not a
// multiple of eight, the last group writes too far: it goes first, so that the right numbers overwrite what
// it wrote, and buffers have room behind their end.
template <int width, typename T>
EASYLM_INLINE void pack_contiguous_lines(const T* in, std::int64_t stride, std::int64_t depth, float* panel) {
  std::int64_t k = 0;
  for (; k + 8 <= depth; k += 8) {
#pragma GCC unroll 4
    for (int first = (width - 1) / 8 * 8; first >= 0; first -= 8) {
      Floats8 x[8];
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) {
        x[i] = Floats8{};
        if (first + i < width) {
          load8(in + (first + i) * stride + k, x[i]);
          __builtin_prefetch(in + (width + first + i) * stride + k);  // the next panel
        }
      }
      transpose8(x);
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) store8(x[i], panel + (k + i) * width + first);
    }
  }
  for (; k < depth; ++k) {
    for (int i = 0; i < width; ++i) panel[k * width + i] = widen(in[i * stride + k]);
  }
}

// A whole panel whose lines lie side by side, with more lines after them: read in eights, and what is written
// too far is overwritten by the next k.
template <int width, typename T>
EASYLM_INLINE void pack_neighbours(const T* in, std::int64_t stride, std::int64_t depth, float* panel) {
  for (std::int64_t k = 0; k < depth; ++k, in += stride, panel += width) {
#pragma GCC unroll 4
    for (int i = 0; i < width; i += 8) {
      Floats8 x;
      load8(in + i, x);
      store8(x, panel + i);
    }
    __builtin_prefetch(in + width);
  }
}

template <int width, typename T>
EASYLM_INLINE void pack(const GemmLines<T>& lines, float* panels) {
  for (std::int64_t first = 0; first < lines.count; first += width, panels += width * lines.depth) {
    const T* in = lines.data + first * lines.line_stride;
    const std::int64_t left = lines.count - first;
    if (left >= width && lines.depth_stride == 1) {
      pack_contiguous_lines<width>(in, lines.line_stride, lines.depth, panels);
    } else if (left >= (width + 7) / 8 * 8 && lines.line_stride == 1) {
      pack_neighbours<width>(in, lines.depth_stride, lines.depth, panels);
    } else {
      for (std::int64_t k = 0; k < lines.depth; ++k) {
        for (std::int64_t i = 0; i < width; ++i) {
          panels[k * width + i] = i < left ? widen(in[i * lines.line_stride + k * lines.depth_stride]) : 0;
        }
      }
    }
  }
}

#if defined(__x86_64__)
typedef std::uint32_t Words16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef std::uint16_t Halves16 __attribute__((vector_size(32), aligned(2), may_alias));

EASYLM_INLINE std::uint32_t pair(c10::BFloat16 first, c10::BFloat16 second) {
  return first.x | static_cast<std::uint32_t>(second.x) << 16U;
}

// Two lines of 16 numbers that lie side by side in memory: number i of both becomes word i.
EASYLM_INLINE void zip16(const c10::BFloat16* even, const c10::BFloat16* odd, float* words) {
  const Words16 low = __builtin_convertvector(*reinterpret_cast<const Halves16*>(even), Words16);
  const Words16 high = __builtin_convertvector(*reinterpret_cast<const Halves16*>(odd), Words16);
  *reinterpret_cast<Words16*>(words) = low | high << 16U;
}

// One panel of pairs, of `lines.count` lines, at most `width`.
template <int width>
EASYLM_INLINE void pack_pairs_panel(const GemmLines<c10::BFloat16>& lines, float* panel) {
  const std::int64_t words = (lines.depth + 1) / 2;
  const c10::BFloat16 zero(0, c10::BFloat16::from_bits());
  for (std::int64_t w = 0; w < words; ++w) {
    const c10::BFloat16* even = lines.data + 2 * w * lines.depth_stride;
    const bool whole = 2 * w + 1 < lines.depth;
    auto* out = reinterpret_cast<std::uint32_t*>(panel + w * width);
    for (std::int64_t i = 0; i < width; ++i) {
      const bool there = i < lines.count;
      const c10::BFloat16* x = even + i * lines.line_stride;
      const std::uint32_t word = there ? pair(*x, whole ? x[lines.depth_stride] : zero) : 0;
      std::memcpy(out + i, &word, sizeof word);
    }
  }
}

// As pack(), for words of two numbers. Where a line's numbers are neighbours its words are, and words are
// packed as floats are.
template <int width>
EASYLM_INLINE void pack_pairs(const GemmLines<c10::BFloat16>& lines, float* panels) {
  const std::int64_t words = (lines.depth + 1) / 2;
  const bool even = lines.depth % 2 == 0;
  for (std::int64_t first = 0; first < lines.count; first += width, panels += width * words) {
    const c10::BFloat16* in = lines.data + first * lines.line_stride;
    const std::int64_t left = lines.count - first;
    if (left >= width && even && lines.depth_stride == 1 && lines.line_stride % 2 == 0) {
      pack_contiguous_lines<width>(reinterpret_cast<const float*>(in), lines.line_stride / 2, words, panels);
    } else if (left >= (width + 15) / 16 * 16 && even && lines.line_stride == 1) {
      for (std::int64_t w = 0; w < words; ++w, in += 2 * lines.depth_stride) {
        for (int i = 0; i < width; i += 16)
          zip16(in + i, in + lines.depth_stride + i, panels + w * width + i);
        __builtin_prefetch(in + width);
        __builtin_prefetch(in + lines.depth_stride + width);
      }
    } else {
      pack_pairs_panel<width>(
          {in, lines.line_stride, lines.depth_stride, std::min<std::int64_t>(left, width), lines.depth},
          panels);
    }
  }
}
#endif

template <int lanes, int rows, int vectors>
EASYLM_INLINE void store_tile(const typename Vector<lanes>::Floats (&sums)[rows][vectors], float* c,
                              std::int64_t c_stride, bool accumulate) {
  using Floats = typename Vector<lanes>::Floats;
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      Floats* out =
          reinterpret_cast<Floats*>(c + r * c_stride + v * lanes);  // `auto` would lose its alignment
      *out = accumulate ? *out + sums[r][v] : sums[r][v];
    }
  }
}

template <int lanes, int rows, int vectors>
EASYLM_INLINE void multiply(std::int64_t depth, const float* a, const float* b, std::int64_t b_stride,
                            float* c, std::int64_t c_stride, bool accumulate) {
  using Floats = typename Vector<lanes>::Floats;
  Floats sums[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[r][v] = Floats{};
  }
  for (std::int64_t k = 0; k < depth; ++k, a += rows, b += b_stride) {
    Floats row[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) row[v] = *reinterpret_cast<const Floats*>(b + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[r][v] += a[r] * row[v];
    }
  }
  store_tile<lanes>(sums, c, c_stride, accumulate);
}

#if defined(__x86_64__)
// The same over pairs of bf16, 16 lanes, with the instruction that multiplies and adds both.
template <int rows, int vectors>
__attribute__((always_inline, target("avx512f,avx512bf16"))) inline void multiply_pairs(
    std::int64_t words, const float* a, const float* b, std::int64_t b_stride, float* c,
    std::int64_t c_stride, bool accumulate) {
  using Floats = Vector<16>::Floats;
  Floats sums[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[r][v] = Floats{};
  }
  for (std::int64_t w = 0; w < words; ++w, a += rows, b += b_stride) {
    __m512bh row[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) row[v] = (__m512bh)_mm512_loadu_si512(b + v * 16);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      std::int32_t word;
      std::memcpy(&word, a + r, sizeof word);
      const __m512bh both = (__m512bh)_mm512_set1_epi32(word);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], both, row[v]);
    }
  }
  store_tile<16>(sums, c, c_stride, accumulate);
}
#endif

}  // namespace easylm::gemm_loops
