// Attention and its gradients by the kernels, on tensors. Nothing here waits for the device.
#pragma once

#include <ATen/core/Tensor.h>

#include "decode.h"
#include "problem.h"

namespace easylm::bpt_cuda {

struct Outputs {
  at::Tensor o_BTNH;
  at::Tensor lse_BNT;  // of varlen's: [1, N, T]
};

// `operands` are readable().
Outputs attend(const Problem& problem, const Operands& operands);

struct Gradients {
  at::Tensor dq_BTNH, dk_BSKH, dv_BSKH;
};

// What the outputs depend on, and how.
struct Upstream {
  Outputs outputs;
  at::Tensor do_BTNH;
};

// Fills `gradients`, which are contiguous. Where dk and dv are fp32, they are added to.
void attend_backward(const Problem& problem, const Operands& operands, const Upstream& upstream,
                     Gradients& gradients);

// The same as a node of the graph; the log-sum-exps are constants to autograd.
Outputs attend_differentiably(const Problem& problem, const Operands& operands);

// Decides how the keys are split, and gives the call the memory for it: the result, which must outlive the
// launch.
at::Tensor with_scratch(DecodeCall& call, at::Device device);

}  // namespace easylm::bpt_cuda
