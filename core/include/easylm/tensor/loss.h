// The training loss as one function that never holds the logits of more than a chunk of tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "easylm/export.h"

namespace easylm {

struct LossInput {
  at::Tensor h_BTD;       // after the final norm
  at::Tensor w_VD;        // the output head
  at::Tensor targets_BT;  // int64
  at::Tensor mask_BT;     // float; weight of each target; 0 leaves it out
};

struct LossSums {
  at::Tensor loss;     // Σ mask · cross-entropy, in nats: a scalar, fp32, differentiable in h and w
  double weight = 0;   // Σ mask
  double correct = 0;  // Σ mask where the most probable token is the target
};

// Cross-entropy summed over targets, forward and (if a gradient is wanted) backward in one sweep over chunks
// of rows: memory is one chunk's logits, whatever B, T and V are.
EASYLM_API LossSums masked_cross_entropy(const LossInput& input);

// The same sums without gradients, and in `nats` the cross-entropy of each target, row by row, B · T of them;
// 0 where the mask is 0.
EASYLM_API LossSums cross_entropy_of_each(const LossInput& input, std::vector<double>& nats);

// log p(target) of every position, [B, T] fp32, without gradients.
EASYLM_API at::Tensor token_log_probabilities(const LossInput& input);

}  // namespace easylm
