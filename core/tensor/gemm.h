// Matrix products that beat LibTorch's on x86 processors with AVX2 or AVX-512, see docs/log.md.
#pragma once

#include <cstdint>

namespace easylm {

// A matrix as it lies in memory: element (row, column) at data[row · row_stride + column · column_stride].
template <typename T>
struct GemmOperand {
  const T* data;
  std::int64_t row_stride, column_stride;
};

struct GemmSize {
  std::int64_t rows, columns, depth;
};

template <typename C>
struct GemmOutput {
  C* data;
  std::int64_t row_stride;  // columns lie side by side
  bool accumulate;          // adds to what is there; of floats only
};

// c = a · b, [rows, depth] · [depth, columns], with all of LibTorch's threads. T and C: float or BFloat16.
// Sums are in fp32, in an order that depends on `depth` alone: the same bits with any number of threads.
template <typename T, typename C>
void gemm(const GemmSize& size, const GemmOperand<T>& a, const GemmOperand<T>& b, const GemmOutput<C>& c);

}  // namespace easylm
