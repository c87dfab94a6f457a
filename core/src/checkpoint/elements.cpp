// Floating point types by their bits.
#include "easylm/elements.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "easylm/error.h"

namespace easylm {
namespace {

template <typename Stored, typename Convert>
void convert_in(std::span<const std::byte> bytes, std::span<float> numbers, Convert convert) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Stored x;
    std::memcpy(&x, bytes.data() + i * sizeof x, sizeof x);
    numbers[i] = convert(x);
  }
}

template <typename Convert>
void convert_out(std::span<const float> numbers, std::span<std::byte> bytes, Convert convert) {
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto x = convert(numbers[i]);
    std::memcpy(bytes.data() + i * sizeof x, &x, sizeof x);
  }
}

void check(DType dtype, std::size_t num_bytes, std::size_t count) {
  EASYLM_CHECK(is_float(dtype), "only floating point elements can be converted");
  EASYLM_CHECK(num_bytes == count * static_cast<std::size_t>(size_of(dtype)),
               "elements and bytes don't fit together");
}

}  // namespace

bool is_float(DType dtype) {
  return dtype == DType::f64 || dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

float bf16_to_f32(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16U); }

float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16U, magnitude = bits & 0x7fffU;
  if (magnitude >= 0x7c00U) {  // infinity, NaN
    return std::bit_cast<float>(sign | 0x7f800000U | (magnitude & 0x3ffU) << 13U);
  }
  if (magnitude < 0x400U) {  // zero, subnormal: a multiple of 2^-24
    const float x = static_cast<float>(magnitude) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) | sign);
  }
  return std::bit_cast<float>(sign | ((magnitude << 13U) + ((127U - 15U) << 23U)));
}

std::uint16_t f32_to_bf16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if (std::isnan(x)) return static_cast<std::uint16_t>(bits >> 16U | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16U & 1U)) >> 16U);
}

std::uint16_t f32_to_f16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>(bits >> 16U & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U)
    return static_cast<std::uint16_t>(sign | 0x7e00U | (magnitude >> 13U & 0x3ffU));
  if (magnitude >= 0x47800000U) return sign | 0x7c00U;  // 2^16 and above
  if (magnitude < 0x38800000U) {  // below 2^-14: adding 1/2 rounds to a multiple of 2^-24
    const float rounded = std::bit_cast<float>(magnitude) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(rounded) - 0x3f000000U));
  }
  const std::uint32_t rounded = magnitude + 0xfffU + (magnitude >> 13U & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - ((127U - 15U) << 23U)) >> 13U));
}

void to_f32(DType dtype, std::span<const std::byte> bytes, std::span<float> numbers) {
  check(dtype, bytes.size(), numbers.size());
  if (dtype == DType::f64) {
    convert_in<double>(bytes, numbers, [](double x) { return static_cast<float>(x); });
  } else if (dtype == DType::f32) {
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
  } else if (dtype == DType::f16) {
    convert_in<std::uint16_t>(bytes, numbers, f16_to_f32);
  } else {
    convert_in<std::uint16_t>(bytes, numbers, bf16_to_f32);
  }
}

void from_f32(std::span<const float> numbers, DType dtype, std::span<std::byte> bytes) {
  check(dtype, bytes.size(), numbers.size());
  if (dtype == DType::f64) {
    convert_out(numbers, bytes, [](float x) { return static_cast<double>(x); });
  } else if (dtype == DType::f32) {
    std::memcpy(bytes.data(), numbers.data(), bytes.size());
  } else if (dtype == DType::f16) {
    convert_out(numbers, bytes, f32_to_f16);
  } else {
    convert_out(numbers, bytes, f32_to_bf16);
  }
}

}  // namespace easylm
