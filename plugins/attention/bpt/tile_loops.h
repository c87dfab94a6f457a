// Loops over vectors of any width, which the compiler keeps in registers. Included by one file for each
// instruction set, which is compiled for it: nothing here may be shared between them, so that each uses
// parameters of its own.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "easylm/tensor/simd.h"
#include "tiles.h"

namespace easylm::bpt {

// Aligned like their elements: rows may start anywhere.
template <int lanes>
struct Vector {
  typedef float Floats __attribute__((vector_size(lanes * sizeof(float)), aligned(4), may_alias));
  typedef std::int32_t Words __attribute__((vector_size(lanes * sizeof(float)), aligned(4), may_alias));
};

// `Lanes` floats in a register, tiles of `Rows` × 2 registers, words of two numbers if `Pairs`.
template <int Lanes, int Rows, bool Pairs>
struct TileLoops {
  using Floats = typename Vector<Lanes>::Floats;
  using Words = typename Vector<Lanes>::Words;
  static constexpr std::int64_t kColumns = 2 * Lanes;

  static EASYLM_INLINE Floats load(const float* in) { return *reinterpret_cast<const Floats*>(in); }
  static EASYLM_INLINE void store(Floats x, float* out) { *reinterpret_cast<Floats*>(out) = x; }
  static EASYLM_INLINE Floats spread(float x) { return x - Floats{}; }

  static EASYLM_INLINE void multiply_add(Floats& sum, const float* word, Floats row) {
#if defined(__AVX512BF16__)
    if constexpr (Pairs) {
      std::int32_t pair;
      std::memcpy(&pair, word, sizeof pair);
      sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(pair), (__m512bh)row);
      return;
    }
#endif
    sum += *word * row;
  }

  template <int RowStride, bool Accumulate>
  static EASYLM_INLINE void tile(const Product& product, std::int64_t word_stride, const float* b, float* c) {
    Floats sums[Rows][2];
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = Floats{};
    const float* a = product.a;
    for (std::int64_t w = 0; w < product.words; ++w, a += word_stride, b += kColumns) {
      const Floats first = load(b), second = load(b + Lanes);
#pragma GCC unroll 16
      for (int r = 0; r < Rows; ++r) {
        multiply_add(sums[r][0], a + r * RowStride, first);
        multiply_add(sums[r][1], a + r * RowStride, second);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        float* out = c + r * product.c_stride + v * Lanes;
        store(Accumulate ? load(out) + sums[r][v] : sums[r][v], out);
      }
    }
  }

  template <int RowStride, bool Accumulate>
  static EASYLM_INLINE void tiles(const Product& product, std::int64_t word_stride) {
    for (std::int64_t panel = 0; panel < product.panels; ++panel) {
      tile<RowStride, Accumulate>(product, word_stride, product.b + panel * product.b_stride,
                                  product.c + panel * kColumns);
    }
  }

  static void multiply(const Product& product) { tiles<1, false>(product, product.a_stride); }
  static void add_product(const Product& product) { tiles<1, true>(product, product.a_stride); }
  static void add_row_product(const Product& product) { tiles<kRowStride, true>(product, 1); }

  // The larger of each; `b` where either is NaN.
  static EASYLM_INLINE Floats larger(Floats a, Floats b) {
#if defined(__AVX512F__)
    if constexpr (Lanes == 16) return _mm512_max_ps(a, b);
#endif
#if defined(__AVX2__)
    if constexpr (Lanes == 8) return _mm256_max_ps(a, b);
#endif
    return a > b ? a : b;
  }

  // From the highest power down.
  template <int terms>
  static EASYLM_INLINE Floats polynomial(const float (&factors)[terms], Floats x) {
    Floats sum = spread(factors[0]);
#pragma GCC unroll 8
    for (int i = 1; i < terms; ++i) sum = sum * x + factors[i];
    return sum;
  }

  // 2^x for x of at most about 100; 0 below -150 or sooner, NaN for NaN. 2^n · 2^r and a polynomial of least
  // relative error for 2^r: at most 2.3e-7, or with a term less 2.7e-6 for numbers that bf16 will hold.
  static EASYLM_INLINE Floats power_of_two(Floats x) {
#if defined(__AVX512DQ__)
    if constexpr (Lanes == 16) {  // 0 ≤ r < 1
      constexpr float kNarrow[] = {1.35341678e-2F, 5.20114601e-2F, 2.41442755e-1F, 6.93003833e-1F,
                                   1.00000262F};
      constexpr float kWide[] = {1.87757669e-3F, 8.98933969e-3F, 5.58263175e-2F,
                                 2.40153611e-1F, 6.93153083e-1F, 9.99999940e-1F};
      const Floats r = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
      if constexpr (Pairs) return _mm512_scalef_ps(polynomial(kNarrow, r), x);
      return _mm512_scalef_ps(polynomial(kWide, r), x);
    }
#endif
    // |r| ≤ 1/2
    constexpr float kFactors[] = {1.32764725e-3F, 9.67554189e-3F, 5.55071309e-2F,
                                  2.40221202e-1F, 6.93146944e-1F, 1.0F};
    constexpr float kRound = 12582912.0F;  // 1.5 · 2^23: adding it rounds to an integer in the low bits
    x = larger(spread(-127.0F), x);
    const Floats shifted = x + kRound;
    const Words exponent = ((Words)shifted + 127) << 23;
    return polynomial(kFactors, x - (shifted - kRound)) * (Floats)exponent;
  }

  static EASYLM_INLINE float largest(Floats x) {
#if defined(__AVX512F__)
    if constexpr (Lanes == 16) return _mm512_reduce_max_ps(x);
#endif
    float most = x[0];
    for (int j = 1; j < Lanes; ++j) most = x[j] > most ? x[j] : most;
    return most;
  }

#if defined(__AVX512BF16__)
  // 32 neighbours of a row, as words of two.
  static EASYLM_INLINE __m512i narrowed(Floats first, Floats second) {
    return (__m512i)_mm512_cvtne2ps_pbh(second, first);
  }

  // Two rows of 32 numbers: number i of both becomes word i.
  static EASYLM_INLINE void store_zipped(__m512i even, __m512i odd, float* words) {
    const __m512i count = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i low =
        _mm512_or_si512(count, _mm512_slli_epi32(_mm512_add_epi32(count, _mm512_set1_epi32(32)), 16));
    const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
    _mm512_storeu_si512(words, _mm512_permutex2var_epi16(even, low, odd));
    _mm512_storeu_si512(words + Lanes, _mm512_permutex2var_epi16(even, high, odd));
  }
#endif

  // What to subtract from the scores of one query. It rises, and what was summed before is scaled to it, only
  // where weights would grow beyond 2^kHeadroom: mostly with the first keys, so that the branch is foreseen.
  static EASYLM_INLINE float raise(const SoftmaxRows& rows, int r) {
    constexpr float kNothing = -std::numeric_limits<float>::infinity(), kHeadroom = 8;
    const float* scores = rows.scores + r * kRowStride;
    Floats most = spread(kNothing), other = most;  // two, so that one needn't wait for the other
    for (std::int64_t k = 0; k < rows.keys; k += kColumns) {
      most = larger(load(scores + k), most);
      other = larger(load(scores + k + Lanes), other);
    }
    const float before = rows.shifts[r], found = largest(larger(most, other)) * rows.scale;
    if (!(found > before + kHeadroom)) return before == kNothing ? 0 : before;
    rows.shifts[r] = found;
    const Floats factor = power_of_two(spread(before - found));
    float* sums = rows.sums + r * kSumLanes;
    store(load(sums) * factor, sums);
    float* outputs = rows.outputs + r * rows.width;
    for (std::int64_t h = 0; h < rows.width; h += Lanes) store(load(outputs + h) * factor, outputs + h);
    return found;
  }

  static void softmax(const SoftmaxRows& rows) {
    const Floats scale = spread(rows.scale);
    for (int r = 0; r < Rows; ++r) {
      const Floats shift = spread(raise(rows, r));
      const float* scores = rows.scores + r * kRowStride;
      float* weights = rows.weights + r * kRowStride;
      Floats sum = load(rows.sums + r * kSumLanes);
      for (std::int64_t k = 0; k < rows.keys; k += kColumns) {
        const Floats first = power_of_two(load(scores + k) * scale - shift);
        const Floats second = power_of_two(load(scores + k + Lanes) * scale - shift);
        sum += first + second;
#if defined(__AVX512BF16__)
        if constexpr (Pairs) {
          _mm512_storeu_si512(weights + k / 2, narrowed(first, second));
          continue;
        }
#endif
        store(first, weights + k);
        store(second, weights + k + Lanes);
      }
      store(sum, rows.sums + r * kSumLanes);
    }
  }

  // p and ds of one register of scores.
  static EASYLM_INLINE void differentiate(const GradientRows& rows, int r, std::int64_t key, Floats& p,
                                          Floats& ds) {
    const std::int64_t at = r * kRowStride + key;
    p = power_of_two(load(rows.scores + at) * spread(rows.scale) - spread(rows.lse[r]));
    ds = p * (load(rows.dp + at) - spread(rows.delta[r]));
  }

#if defined(__AVX512BF16__)
  static EASYLM_INLINE void gradient_pairs(const GradientRows& rows) {
    for (int r = 0; r < Rows; r += 2) {
      for (std::int64_t key = 0; key < rows.keys; key += kColumns) {
        __m512i p_bf16[2], ds_bf16[2];
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
          Floats p[2], ds[2];
          differentiate(rows, r + i, key, p[0], ds[0]);
          differentiate(rows, r + i, key + Lanes, p[1], ds[1]);
          p_bf16[i] = narrowed(p[0], p[1]);
          ds_bf16[i] = narrowed(ds[0], ds[1]);
          _mm512_storeu_si512(rows.ds_rows + (r + i) * kRowStride + key / 2, ds_bf16[i]);
        }
        store_zipped(p_bf16[0], p_bf16[1], rows.p_pairs + r / 2 * kRowStride + key);
        store_zipped(ds_bf16[0], ds_bf16[1], rows.ds_pairs + r / 2 * kRowStride + key);
      }
    }
  }
#endif

  static void gradient(const GradientRows& rows) {
#if defined(__AVX512BF16__)
    if constexpr (Pairs) return gradient_pairs(rows);
#endif
    for (int r = 0; r < Rows; ++r) {
      for (std::int64_t key = 0; key < rows.keys; key += Lanes) {
        Floats p, ds;
        differentiate(rows, r, key, p, ds);
        store(p, rows.scores + r * kRowStride + key);
        store(ds, rows.dp + r * kRowStride + key);
      }
    }
  }

  static constexpr TileKernel kKernel = {multiply, add_product, add_row_product, softmax, gradient};
};

}  // namespace easylm::bpt
