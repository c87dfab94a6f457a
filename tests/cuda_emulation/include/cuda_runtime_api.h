// What emulated sources see of CUDA's host API: a stream here says how its launches are scheduled.
#pragma once

#include "cuda_emulation/emulation/block.h"

struct CUstream_st {
  easylm::emulation::Schedule schedule;
};
using cudaStream_t = CUstream_st*;

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorNotSupported = 801 };
