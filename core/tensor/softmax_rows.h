// Softmax cross-entropy over the rows of one chunk of logits.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace easylm {

struct SoftmaxRows {
  double loss = 0;           // Σ mask · -log p(target)
  double correct = 0;        // Σ mask where the first most probable id is the target
  std::vector<double> nats;  // -log p(target) of each row
};

SoftmaxRows softmax_loss(const at::Tensor& logits_CV, const at::Tensor& targets_C, const at::Tensor& mask_C);

// The same, and logits become mask · (p - onehot(target)).
SoftmaxRows softmax_gradient_in_place(at::Tensor& logits_CV, const at::Tensor& targets_C,
                                      const at::Tensor& mask_C);

at::Tensor log_probabilities(const at::Tensor& logits_CV, const at::Tensor& targets_C);  // [C], fp32 or wider

}  // namespace easylm
