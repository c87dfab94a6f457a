// CUDA's 16-bit floating-point types: bits, and conversions that round to nearest even as the hardware's do.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

struct __half {
  std::uint16_t bits;
};
struct __nv_bfloat16 {
  std::uint16_t bits;
};

namespace easylm::emulation {

inline constexpr std::uint16_t kNan16 = 0x7FFF;  // what the hardware makes of every NaN

inline std::uint16_t bfloat16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return kNan16;
  return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}

inline float bfloat16_value(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

inline std::uint16_t half_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return kNan16;
  if (magnitude >= 0x477FF000U) return sign | 0x7C00U;  // from 65,520 on: infinity
  if (magnitude < 0x38800000U) {  // below 2^-14: a multiple of 2^-24, as floats above 1/2 are
    const std::uint32_t shifted = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F);
    return static_cast<std::uint16_t>(sign | (shifted - 0x3F000000U));
  }
  return static_cast<std::uint16_t>(sign | (magnitude - 0x38000000U + 0xFFFU + (magnitude >> 13 & 1U)) >> 13);
}

inline float half_value(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000U} << 16;
  const std::uint32_t exponent = bits >> 10 & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 0x1FU) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);
  return std::bit_cast<float>(sign | (exponent + 112U) << 23 | fraction << 13);
}

// The value of 16 bits that hold a T.
template <typename T>
float value_of_bits(std::uint16_t bits);
template <>
inline float value_of_bits<__half>(std::uint16_t bits) {
  return half_value(bits);
}
template <>
inline float value_of_bits<__nv_bfloat16>(std::uint16_t bits) {
  return bfloat16_value(bits);
}

}  // namespace easylm::emulation

inline __half __float2half_rn(float value) { return {easylm::emulation::half_bits(value)}; }
inline __half __float2half(float value) { return __float2half_rn(value); }
inline float __half2float(__half value) { return easylm::emulation::half_value(value.bits); }
inline __nv_bfloat16 __float2bfloat16_rn(float value) { return {easylm::emulation::bfloat16_bits(value)}; }
inline __nv_bfloat16 __float2bfloat16(float value) { return __float2bfloat16_rn(value); }
inline float __bfloat162float(__nv_bfloat16 value) { return easylm::emulation::bfloat16_value(value.bits); }
