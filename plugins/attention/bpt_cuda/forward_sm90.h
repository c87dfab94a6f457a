// The forward pass for sm_90a, behind the same call as forward().
#pragma once

#include "kernels.h"

namespace easylm::bpt_cuda {

// Widths 64 and 128; no segments, no `keep`, no cumulative lengths, no stride of 0. Compute capability 9.0
// only.
bool forward_sm90_serves(const ForwardCall& call);

// As forward(), where it serves; cudaErrorInvalidValue (1) else, and cudaErrorNotSupported (801) where the
// driver knows no tensor maps.
int forward_sm90(const ForwardCall& call, CUstream_st* stream);

}  // namespace easylm::bpt_cuda
