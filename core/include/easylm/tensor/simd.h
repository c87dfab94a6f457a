// Building blocks of loops that the compiler turns into vector instructions.
#pragma once

#include <c10/util/BFloat16.h>

#include <bit>
#include <cstdint>

// Compiles a function once per instruction set and chooses at load time. No -ffast-math anywhere, since NaN
// must survive: sums say their order themselves.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define EASYLM_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define EASYLM_SIMD
#endif
#define EASYLM_INLINE inline __attribute__((always_inline))

namespace easylm {

// Partial results side by side: the compiler may not reorder float sums. 32 lanes fill two registers of 512
// bits or four of 256.
constexpr std::int64_t kLanes = 32;

EASYLM_INLINE float sum_lanes(float (&lanes)[kLanes]) {
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

EASYLM_INLINE float widen(float x) { return x; }
EASYLM_INLINE float widen(c10::BFloat16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.x) << 16U);
}

EASYLM_INLINE void narrow(float value, float& out) { out = value; }
// Rounds to nearest even; a NaN stays one.
EASYLM_INLINE void narrow(float value, c10::BFloat16& out) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U;
  out.x = static_cast<std::uint16_t>(value == value ? rounded : 0x7fc0U);
}

// e^x within 2 units in the last place, for any x; NaN gives NaN. 2^n · e^r with |r| ≤ ln2 / 2 and a
// polynomial for e^r.
EASYLM_INLINE float fast_exp(float x) {
  constexpr float kLowest = -87.33654F, kHighest = 88.37626F;  // results are normal numbers in between
  float clamped = x < kLowest ? kLowest : x;
  clamped = clamped > kHighest ? kHighest : clamped;
  constexpr float kRound = 12582912.0F;  // 1.5 · 2^23: adding it rounds to an integer in the low bits
  const float shifted = clamped * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = (clamped - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) + 127U) << 23U;
  return p * std::bit_cast<float>(exponent);
}

}  // namespace easylm
