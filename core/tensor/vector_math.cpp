// Loops that the compiler vectorises, one clone per instruction set.
#include "vector_math.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "easylm/tensor/simd.h"

namespace easylm {
namespace {

template <typename T>
EASYLM_INLINE float max_of(const T* x, std::int64_t size) {
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) {
      const float value = widen(x[i + j]);
      lanes[j] = lanes[j] > value ? lanes[j] : value;
    }
  }
  for (; i < size; ++i) lanes[0] = std::max(lanes[0], widen(x[i]));
  return *std::max_element(lanes, lanes + kLanes);
}

// Applies `body` (x, i → the exponential) over the row and adds up.
template <typename T, typename Store>
EASYLM_INLINE float exp_sum_of(const T* x, std::int64_t size, float shift, Store store) {
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) {
      const float value = fast_exp(widen(x[i + j]) - shift);
      store(i + j, value);
      lanes[j] += value;
    }
  }
  for (; i < size; ++i) {
    const float value = fast_exp(widen(x[i]) - shift);
    store(i, value);
    lanes[0] += value;
  }
  return sum_lanes(lanes);
}

}  // namespace

EASYLM_SIMD float row_max(const float* x, std::int64_t size) { return max_of(x, size); }
EASYLM_SIMD float row_max(const c10::BFloat16* x, std::int64_t size) { return max_of(x, size); }

EASYLM_SIMD float row_exp_sum(const float* x, std::int64_t size, float shift) {
  return exp_sum_of(x, size, shift, [](std::int64_t, float) {});
}
EASYLM_SIMD float row_exp_sum(const c10::BFloat16* x, std::int64_t size, float shift) {
  return exp_sum_of(x, size, shift, [](std::int64_t, float) {});
}
EASYLM_SIMD float row_exp_in_place(float* x, std::int64_t size, float shift) {
  return exp_sum_of(x, size, shift, [x](std::int64_t i, float value) { x[i] = value; });
}
EASYLM_SIMD float row_exp_in_place(c10::BFloat16* x, std::int64_t size, float shift) {
  return exp_sum_of(x, size, shift, [x](std::int64_t i, float value) { narrow(value, x[i]); });
}

EASYLM_SIMD void row_scale(float* x, std::int64_t size, float factor) {
  for (std::int64_t i = 0; i < size; ++i) x[i] *= factor;
}
EASYLM_SIMD void row_scale(c10::BFloat16* x, std::int64_t size, float factor) {
  for (std::int64_t i = 0; i < size; ++i) narrow(widen(x[i]) * factor, x[i]);
}

}  // namespace easylm
