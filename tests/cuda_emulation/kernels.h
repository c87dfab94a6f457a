// A tiled matrix product, as kernels are written: one source for the hardware and for the emulation.
#pragma once

#include <cuda_runtime_api.h>

namespace easylm::emulation_test {

// What is left out of the kernel on purpose.
enum class Omission { nothing, wait_for_copies, barrier_before_use, barrier_after_use };

// c = a·b: a [rows, inner], b [inner, columns] and c [rows, columns], in bf16 bits and fp32. Any rows; inner
// and columns are multiples of 32.
struct Product {
  const void *a, *b;
  float* c;
  int rows, columns, inner;
};
cudaError_t multiply(const Product& product, Omission omission, cudaStream_t stream);

}  // namespace easylm::emulation_test
