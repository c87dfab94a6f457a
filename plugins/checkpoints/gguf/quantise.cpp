// Numbers turned into blocks. As in blocks.cpp, every operation is rounded to fp32 in the reference's order.
#include "quantise.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "easylm/elements.h"

namespace easylm::gguf {
namespace {

constexpr int kNumbers = 32;

bool put_half(float x, std::byte* at) {
  const std::uint16_t bits = f32_to_f16(x);
  std::memcpy(at, &bits, sizeof bits);
  return std::isfinite(f16_to_f32(bits));
}

// A scale so small that its inverse overflows is 0 in fp16 as well.
float inverse(float scale) {
  const float inverted = 1.0F / scale;
  return scale == 0 || !std::isfinite(inverted) ? 0.0F : inverted;
}

bool all_finite(const float* x) {
  return std::all_of(x, x + kNumbers, [](float value) { return std::isfinite(value); });
}

// The same numbers as 4 bits: the first 16 in the low halves of the bytes, the others in the high ones.
template <typename ToFour>
void put_nibbles(const float* x, ToFour to_four, std::byte* bytes) {
  for (int i = 0; i < kNumbers / 2; ++i) {
    bytes[i] = static_cast<std::byte>(to_four(x[i]) | (to_four(x[i + kNumbers / 2]) << 4));
  }
}

int four_bits(float x) { return std::clamp(static_cast<int>(x), 0, 15); }

}  // namespace

bool to_q8_0(const float* x, std::byte* block) {
  if (!all_finite(x)) return false;
  float largest = 0;
  for (int i = 0; i < kNumbers; ++i) largest = std::max(largest, std::fabs(x[i]));
  const float d = largest / 127.0F, id = inverse(d);
  for (int i = 0; i < kNumbers; ++i) {
    block[2 + i] = static_cast<std::byte>(static_cast<std::int8_t>(std::round(x[i] * id)));
  }
  return put_half(d, block);
}

bool to_q4_0(const float* x, std::byte* block) {
  if (!all_finite(x)) return false;
  const float* largest =
      std::max_element(x, x + kNumbers, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  const float d = *largest / -8.0F, id = inverse(d);
  const auto to_four = [id](float value) {
    const float scaled = value * id;
    return four_bits(scaled + 8.5F);
  };
  put_nibbles(x, to_four, block + 2);
  return put_half(d, block);
}

bool to_q4_1(const float* x, std::byte* block) {
  if (!all_finite(x)) return false;
  const auto [min, max] = std::minmax_element(x, x + kNumbers);
  const float low = *min, d = (*max - low) / 15.0F, id = inverse(d);
  if (!std::isfinite(d)) return false;
  const auto to_four = [low, id](float value) {
    const float scaled = (value - low) * id;
    return four_bits(scaled + 0.5F);
  };
  put_nibbles(x, to_four, block + 4);
  const bool holds_scale = put_half(d, block), holds_minimum = put_half(low, block + 2);
  return holds_scale && holds_minimum;
}

}  // namespace easylm::gguf
