// Blockwise attention, forward and backward. Memory beside inputs and outputs: packed copies of keys and
// values, linear in their length, and a few blocks a thread.
//
// After Liu and Abbeel, "Blockwise Parallel Transformer for Large Context Models" (2023), and Dao,
// "FlashAttention-2" (2023).
#pragma once

#include <ATen/core/Tensor.h>

#include "easylm/tensor/attention.h"

namespace easylm::bpt {

// On the CPU, fp32 or bf16, all of one dtype; a head's numbers lie side by side.
struct Inputs {
  at::Tensor q_BTNH, k_BSKH, v_BSKH;
  AttentionMask mask;
  double scale;
};

struct Outputs {
  at::Tensor o_BTNH;
  at::Tensor lse_BNT;  // fp32; -inf for a query that sees nothing
};

Outputs attend(const Inputs& inputs);

struct Gradients {
  at::Tensor dq_BTNH, dk_BSKH, dv_BSKH;
};

Gradients attend_backward(const Inputs& inputs, const Outputs& outputs, const at::Tensor& do_BTNH);

}  // namespace easylm::bpt
