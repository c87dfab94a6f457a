// The elements of stored tensors as numbers: between floating point types without LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"

namespace easylm {

// Exact. NaN stays NaN.
EASYLM_API float f16_to_f32(std::uint16_t bits);
EASYLM_API float bf16_to_f32(std::uint16_t bits);

// Rounded to nearest, ties to even, as IEEE 754 and PyTorch do; too large becomes infinity. NaN stays NaN.
EASYLM_API std::uint16_t f32_to_f16(float x);
EASYLM_API std::uint16_t f32_to_bf16(float x);

// Whether `dtype` holds floating point numbers.
EASYLM_API bool is_float(DType dtype);

// Elements of a floating point type as fp32; f64 is rounded. REQUIRES: is_float(dtype), and as many bytes as
// numbers.
EASYLM_API void to_f32(DType dtype, std::span<const std::byte> bytes, std::span<float> numbers);

// The other way, rounded as above. REQUIRES: the same.
EASYLM_API void from_f32(std::span<const float> numbers, DType dtype, std::span<std::byte> bytes);

}  // namespace easylm
