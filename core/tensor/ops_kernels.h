// The shared operations' loops over rows of fp32 or bf16, forward and backward; fp32 inside.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace easylm {

// Rows [begin, end) of an operation; `width` numbers each.
struct RowRange {
  std::int64_t begin, end, width;
};

template <typename T>
struct RmsNormRows {
  const T *x, *weight;
  T* y;
  float* inverse;  // 1 / sqrt(mean(x²) + epsilon), a number a row
  float epsilon;
};

template <typename T>
struct RmsNormGradientRows {
  const T *dy, *x, *weight;
  const float* inverse;
  T* dx;      // null if not wanted
  float* dw;  // [width]: the rows' sum is added; null if not wanted
};

void rms_norm_rows(const RmsNormRows<float>& rows, RowRange range);
void rms_norm_rows(const RmsNormRows<c10::BFloat16>& rows, RowRange range);
void rms_norm_gradient_rows(const RmsNormGradientRows<float>& rows, RowRange range);
void rms_norm_gradient_rows(const RmsNormGradientRows<c10::BFloat16>& rows, RowRange range);

template <typename T>
struct RotaryRows {
  const T* x;
  T* y;
  const float *cos, *sin;     // width / 2 numbers for each token
  std::int64_t heads;         // a token is `heads` rows
  std::int64_t table_period;  // tokens after which the table begins again: T, or B · T
  float direction;            // 1, or -1 to turn back
};

void rotary_tokens(const RotaryRows<float>& rows, RowRange tokens);
void rotary_tokens(const RotaryRows<c10::BFloat16>& rows, RowRange tokens);

template <typename T>
struct SwigluSpan {
  const T *gate, *up;
  T* y;
};

template <typename T>
struct SwigluGradientSpan {
  const T *dy, *gate, *up;
  T *dgate, *dup;
};

void swiglu_span(const SwigluSpan<float>& span, std::int64_t begin, std::int64_t end);
void swiglu_span(const SwigluSpan<c10::BFloat16>& span, std::int64_t begin, std::int64_t end);
void swiglu_gradient_span(const SwigluGradientSpan<float>& span, std::int64_t begin, std::int64_t end);
void swiglu_gradient_span(const SwigluGradientSpan<c10::BFloat16>& span, std::int64_t begin,
                          std::int64_t end);

}  // namespace easylm
