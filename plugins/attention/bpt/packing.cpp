// Packing by the loops of the matrix products, for which fp16 is widened.
#include "packing.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>

#include "easylm/tensor/simd.h"

namespace easylm::bpt {
namespace {

struct Lines {
  const char* data;
  std::int64_t line_stride, depth_stride, count, depth;  // strides in numbers
};

template <typename T>
GemmLines<T> lines_of(const Lines& lines) {
  return {reinterpret_cast<const T*>(lines.data), lines.line_stride, lines.depth_stride, lines.count,
          lines.depth};
}

void pack(const Blocking& blocking, Factor factor, at::ScalarType dtype, const Lines& lines, float* panels) {
  const GemmKernel& gemm = blocking.gemm;
  if (dtype == at::kFloat) {
    (factor == Factor::first ? gemm.pack_a : gemm.pack_b)(lines_of<float>(lines), panels);
  } else {
    (factor == Factor::first ? gemm.pack_a_bf16 : gemm.pack_b_bf16)(lines_of<c10::BFloat16>(lines), panels);
  }
}

EASYLM_SIMD void widen_row(const c10::Half* in, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = in[i];
}

EASYLM_SIMD void store(const float* numbers, std::int64_t count, float factor, float* row) {
  for (std::int64_t i = 0; i < count; ++i) row[i] = numbers[i] * factor;
}
EASYLM_SIMD void store(const float* numbers, std::int64_t count, float factor, c10::BFloat16* row) {
  for (std::int64_t i = 0; i < count; ++i) narrow(numbers[i] * factor, row[i]);
}
EASYLM_SIMD void store(const float* numbers, std::int64_t count, float factor, c10::Half* row) {
  for (std::int64_t i = 0; i < count; ++i) row[i] = static_cast<c10::Half>(numbers[i] * factor);
}

template <typename T>
EASYLM_INLINE float dot_rows(const T* x, const T* y, std::int64_t count) {
  float sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) sums[j] += widen(x[i + j]) * widen(y[i + j]);
  }
  for (; i < count; ++i) sums[0] += widen(x[i]) * widen(y[i]);
  return sum_lanes(sums);
}
EASYLM_SIMD float dot(const float* x, const float* y, std::int64_t count) { return dot_rows(x, y, count); }
EASYLM_SIMD float dot(const c10::BFloat16* x, const c10::BFloat16* y, std::int64_t count) {
  return dot_rows(x, y, count);
}
EASYLM_SIMD float dot(const c10::Half* x, const c10::Half* y, std::int64_t count) {
  float sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<float>(x[i]) * static_cast<float>(y[i]);
  return sum;
}

}  // namespace

Rows rows_of(const at::Tensor& x_BTNH, std::int64_t row, std::int64_t head) {
  const auto size = static_cast<std::int64_t>(x_BTNH.element_size());
  const std::int64_t offset = (row * x_BTNH.stride(0) + head * x_BTNH.stride(2)) * size;
  return {x_BTNH.scalar_type(), static_cast<char*>(x_BTNH.data_ptr()) + offset, x_BTNH.stride(1) * size};
}

Packer::Packer(const Blocking& blocking, at::ScalarType dtype, std::int64_t most_tokens)
    : blocking_(blocking),
      wide_(dtype == at::kHalf ? buffer_of(most_tokens * blocking.head_dim) : Buffer()) {}

Packer::Packable Packer::packable(const Rows& rows, Span tokens) {
  const char* data = rows.at(tokens.begin);
  if (rows.dtype != at::kHalf)
    return {rows.dtype, data, rows.stride / static_cast<std::int64_t>(c10::elementSize(rows.dtype))};
  for (std::int64_t i = 0; i < tokens.size; ++i) {
    widen_row(reinterpret_cast<const c10::Half*>(rows.at(tokens.begin + i)), blocking_.head_dim,
              wide_.data() + i * blocking_.head_dim);
  }
  return {at::kFloat, reinterpret_cast<const char*>(wide_.data()), blocking_.head_dim};
}

void Packer::pack_by_token(Factor factor, const Rows& rows, Span tokens, float* panels) {
  const Packable from = packable(rows, tokens);
  pack(blocking_, factor, from.dtype, {from.data, from.stride, 1, tokens.size, blocking_.head_dim}, panels);
}

void Packer::pack_widths(const Rows& rows, Span tokens, float* panels, std::int64_t panel_stride) {
  const Packable from = packable(rows, tokens);
  const auto size = static_cast<std::int64_t>(c10::elementSize(from.dtype));
  for (std::int64_t h = 0; h < blocking_.head_dim; h += blocking_.columns) {
    const std::int64_t count = std::min(blocking_.columns, blocking_.head_dim - h);
    pack(blocking_, Factor::second, from.dtype, {from.data + h * size, 1, from.stride, count, tokens.size},
         panels + h / blocking_.columns * panel_stride);
  }
}

Span whole_panels(const Blocking& blocking, Span reach, Span block) {
  const Span inside = common(block, reach);
  if (inside.size == 0) return inside;
  const std::int64_t begin = inside.begin / blocking.columns * blocking.columns;
  return {begin, round_up(inside.end(), blocking.columns) - begin};
}

void store_row(const float* numbers, std::int64_t count, float factor, at::ScalarType dtype, void* row) {
  if (dtype == at::kFloat) return store(numbers, count, factor, static_cast<float*>(row));
  if (dtype == at::kBFloat16) return store(numbers, count, factor, static_cast<c10::BFloat16*>(row));
  store(numbers, count, factor, static_cast<c10::Half*>(row));
}

float dot(const void* x, const void* y, std::int64_t count, at::ScalarType dtype) {
  if (dtype == at::kFloat) return dot(static_cast<const float*>(x), static_cast<const float*>(y), count);
  if (dtype == at::kBFloat16) {
    return dot(static_cast<const c10::BFloat16*>(x), static_cast<const c10::BFloat16*>(y), count);
  }
  return dot(static_cast<const c10::Half*>(x), static_cast<const c10::Half*>(y), count);
}

}  // namespace easylm::bpt
