// Loops that the compiler vectorises, one clone per instruction set.
#include "ops_kernels.h"

#include <cmath>

#include "easylm/tensor/simd.h"

namespace easylm {
namespace {

using c10::BFloat16;

// Σ value(i), in a fixed order of 32 partial sums.
template <typename Value>
EASYLM_INLINE float sum_of(std::int64_t size, Value value) {
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] += value(i + j);
  }
  for (; i < size; ++i) lanes[0] += value(i);
  return sum_lanes(lanes);
}

template <typename T>
EASYLM_INLINE void rms_norm_rows_of(const RmsNormRows<T>& rows, RowRange range) {
  const std::int64_t width = range.width;
  const T* weight = rows.weight;
  for (std::int64_t r = range.begin; r < range.end; ++r) {
    const T* x = rows.x + r * width;
    T* y = rows.y + r * width;
    const float squares = sum_of(width, [x](std::int64_t i) { return widen(x[i]) * widen(x[i]); });
    const float inverse = 1.0F / std::sqrt(squares / static_cast<float>(width) + rows.epsilon);
    rows.inverse[r] = inverse;
    for (std::int64_t i = 0; i < width; ++i) {
      T normed;
      narrow(widen(x[i]) * inverse, normed);
      narrow(widen(normed) * widen(weight[i]), y[i]);
    }
  }
}

// With n = x · inverse and g = dy · weight: dx = inverse · (g - n · mean(g n)), dw = Σ dy n.
template <typename T>
EASYLM_INLINE void rms_norm_gradient_rows_of(const RmsNormGradientRows<T>& rows, RowRange range) {
  const std::int64_t width = range.width;
  const T* weight = rows.weight;
  float* dw = rows.dw;
  for (std::int64_t r = range.begin; r < range.end; ++r) {
    const T *x = rows.x + r * width, *dy = rows.dy + r * width;
    const float inverse = rows.inverse[r];
    if (dw != nullptr) {
      for (std::int64_t i = 0; i < width; ++i) dw[i] += widen(dy[i]) * widen(x[i]) * inverse;
    }
    if (rows.dx == nullptr) continue;
    T* dx = rows.dx + r * width;
    const float dot =
        sum_of(width, [=](std::int64_t i) { return widen(dy[i]) * widen(weight[i]) * widen(x[i]); });
    const float pull = dot * inverse * inverse / static_cast<float>(width);
    for (std::int64_t i = 0; i < width; ++i) {
      narrow(inverse * (widen(dy[i]) * widen(weight[i]) - widen(x[i]) * pull), dx[i]);
    }
  }
}

template <typename T>
EASYLM_INLINE void rotary_tokens_of(const RotaryRows<T>& rows, RowRange tokens) {
  const std::int64_t half = tokens.width / 2;
  const float direction = rows.direction;
  for (std::int64_t t = tokens.begin; t < tokens.end; ++t) {
    const float* cos = rows.cos + (t % rows.table_period) * half;
    const float* sin = rows.sin + (t % rows.table_period) * half;
    for (std::int64_t n = 0; n < rows.heads; ++n) {
      const T* x = rows.x + (t * rows.heads + n) * tokens.width;
      T* y = rows.y + (t * rows.heads + n) * tokens.width;
      for (std::int64_t i = 0; i < half; ++i) {
        const float low = widen(x[i]), high = widen(x[i + half]), s = sin[i] * direction;
        narrow(low * cos[i] - high * s, y[i]);
        narrow(high * cos[i] + low * s, y[i + half]);
      }
    }
  }
}

EASYLM_INLINE float sigmoid(float x) { return 1.0F / (1.0F + fast_exp(-x)); }

template <typename T>
EASYLM_INLINE void swiglu_span_of(const SwigluSpan<T>& span, std::int64_t begin, std::int64_t end) {
  const T *gate = span.gate, *up = span.up;
  T* y = span.y;
  for (std::int64_t i = begin; i < end; ++i) {
    const float g = widen(gate[i]);
    narrow(g * sigmoid(g) * widen(up[i]), y[i]);
  }
}

template <typename T>
EASYLM_INLINE void swiglu_gradient_span_of(const SwigluGradientSpan<T>& span, std::int64_t begin,
                                           std::int64_t end) {
  const T *dy = span.dy, *gate = span.gate, *up = span.up;
  T *dgate = span.dgate, *dup = span.dup;
  for (std::int64_t i = begin; i < end; ++i) {
    const float g = widen(gate[i]), d = widen(dy[i]), s = sigmoid(g);
    narrow(d * widen(up[i]) * s * (1.0F + g * (1.0F - s)), dgate[i]);
    narrow(d * g * s, dup[i]);
  }
}

}  // namespace

// The attribute that clones needs a plain function for each type.
EASYLM_SIMD void rms_norm_rows(const RmsNormRows<float>& rows, RowRange range) {
  rms_norm_rows_of(rows, range);
}
EASYLM_SIMD void rms_norm_rows(const RmsNormRows<BFloat16>& rows, RowRange range) {
  rms_norm_rows_of(rows, range);
}
EASYLM_SIMD void rms_norm_gradient_rows(const RmsNormGradientRows<float>& rows, RowRange range) {
  rms_norm_gradient_rows_of(rows, range);
}
EASYLM_SIMD void rms_norm_gradient_rows(const RmsNormGradientRows<BFloat16>& rows, RowRange range) {
  rms_norm_gradient_rows_of(rows, range);
}
EASYLM_SIMD void rotary_tokens(const RotaryRows<float>& rows, RowRange tokens) {
  rotary_tokens_of(rows, tokens);
}
EASYLM_SIMD void rotary_tokens(const RotaryRows<BFloat16>& rows, RowRange tokens) {
  rotary_tokens_of(rows, tokens);
}
EASYLM_SIMD void swiglu_span(const SwigluSpan<float>& span, std::int64_t begin, std::int64_t end) {
  swiglu_span_of(span, begin, end);
}
EASYLM_SIMD void swiglu_span(const SwigluSpan<BFloat16>& span, std::int64_t begin, std::int64_t end) {
  swiglu_span_of(span, begin, end);
}
EASYLM_SIMD void swiglu_gradient_span(const SwigluGradientSpan<float>& span, std::int64_t begin,
                                      std::int64_t end) {
  swiglu_gradient_span_of(span, begin, end);
}
EASYLM_SIMD void swiglu_gradient_span(const SwigluGradientSpan<BFloat16>& span, std::int64_t begin,
                                      std::int64_t end) {
  swiglu_gradient_span_of(span, begin, end);
}

}  // namespace easylm
