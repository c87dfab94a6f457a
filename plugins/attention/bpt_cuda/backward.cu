// The backward pass: its steps, one after the other on one stream.
#include "backward_kernels.h"
#include "launch.h"

namespace easylm::bpt_cuda {

int backward(const BackwardCall& call, CUstream_st* stream) {
  if (!is_valid(call.shape)) return cudaErrorInvalidValue;
  if (call.shape.batch == 0) return cudaSuccess;
  for (const auto step : {backward_delta, backward_dkdv, backward_dq}) {
    if (const int status = step(call, stream); status != cudaSuccess) return status;
  }
  return cudaSuccess;
}

}  // namespace easylm::bpt_cuda
