// The steps of the backward pass, in the order in which they are launched. REQUIRES: a valid, non-empty
// shape.
#pragma once

#include "kernels.h"

namespace easylm::bpt_cuda {

int backward_delta(const BackwardCall& call, CUstream_st* stream);  // the other two need it
int backward_dkdv(const BackwardCall& call, CUstream_st* stream);
int backward_dq(const BackwardCall& call, CUstream_st* stream);

}  // namespace easylm::bpt_cuda
