// Kernels for the emulation's own tests.
#include "kernels.h"

#include "bpt_cuda/intrinsics.h"

namespace easylm::emulation_test {
namespace {

using namespace bpt_cuda;

// Sums rows of `width` numbers, a block each.
__global__ void sum_rows_kernel(const float* rows, float* sums, int width) {
  EASYLM_SHARED(float[32], partial);
  const int thread = static_cast<int>(threadIdx.x);
  float sum = 0.0F;
  for (int i = thread; i < width; i += static_cast<int>(blockDim.x)) sum += rows[blockIdx.x * width + i];
  for (int mask = 16; mask > 0; mask /= 2) sum += __shfl_xor_sync(0xFFFFFFFFU, sum, mask);
  if (thread % 32 == 0) partial[thread / 32] = sum;
  __syncthreads();
  if (thread == 0) {
    float total = 0.0F;
    for (int i = 0; i < static_cast<int>(blockDim.x) / 32; ++i) total += partial[i];
    sums[blockIdx.x] = total;
  }
}

}  // namespace

void sum_rows(const Rows& rows, float* sums, cudaStream_t stream) {
  launch_kernel(sum_rows_kernel, {dim3(rows.count), dim3(128), 0, stream}, rows.data, sums, rows.width);
}

}  // namespace easylm::emulation_test
