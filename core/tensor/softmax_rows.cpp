// Row softmax: one sweep in registers and cache on a CPU, a composition elsewhere.
#include "softmax_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "easylm/tensor/aten.h"
#include "vector_math.h"

namespace easylm {
namespace {

bool has_kernel(const at::Tensor& logits) {
  return logits.is_cpu() && logits.is_contiguous() &&
         (logits.scalar_type() == at::kFloat || logits.scalar_type() == at::kBFloat16);
}

at::Tensor widened(const at::Tensor& logits) {
  return logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat);
}

SoftmaxRows composed(const at::Tensor& logits_CV, const at::Tensor& targets_C, const at::Tensor& mask_C) {
  const at::Tensor mask = mask_C.to(at::kDouble);
  SoftmaxRows sums;
  const at::Tensor nats_C = -log_probabilities(logits_CV, targets_C).to(at::kDouble);
  sums.loss = (nats_C * mask).sum().item<double>();
  sums.correct = (mask * (logits_CV.argmax(-1) == targets_C)).sum().item<double>();
  const at::Tensor nats = nats_C.cpu();
  sums.nats.assign(nats.const_data_ptr<double>(), nats.const_data_ptr<double>() + nats.numel());
  return sums;
}

enum class Write { nothing, gradient };

struct RowResult {
  double loss;
  bool correct;
};

// One row of V logits.
template <typename T>
RowResult row(T* logits, std::int64_t vocabulary, std::int64_t target, float mask, Write write) {
  const float highest = row_max(logits, vocabulary);
  const auto target_logit = static_cast<float>(logits[target]);
  bool correct = target_logit == highest;
  for (std::int64_t v = 0; correct && v < target; ++v) correct = static_cast<float>(logits[v]) < highest;
  const float sum = write == Write::gradient ? row_exp_in_place(logits, vocabulary, highest)
                                             : row_exp_sum(logits, vocabulary, highest);
  if (write == Write::gradient) {
    row_scale(logits, vocabulary, mask / sum);
    const float p = std::exp(target_logit - highest) / sum;
    logits[target] = static_cast<T>(mask * (p - 1));
  }
  return {std::log(static_cast<double>(sum)) + highest - target_logit, correct};
}

template <typename T>
SoftmaxRows rows(const at::Tensor& logits_CV, const at::Tensor& targets_C, const at::Tensor& mask_C,
                 Write write) {
  const std::int64_t count = logits_CV.size(0), vocabulary = logits_CV.size(1);
  T* logits = logits_CV.data_ptr<T>();
  const at::Tensor targets_contiguous = targets_C.contiguous();
  const at::Tensor mask_contiguous = mask_C.to(at::kFloat).contiguous();
  const auto* targets = targets_contiguous.const_data_ptr<std::int64_t>();
  const auto* mask = mask_contiguous.const_data_ptr<float>();
  std::vector<RowResult> results(static_cast<std::size_t>(count));
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      results[static_cast<std::size_t>(c)] =
          row(logits + c * vocabulary, vocabulary, targets[c], mask[c], write);
    }
  });
  // Summed in row order whatever the number of threads.
  SoftmaxRows sums;
  sums.nats.reserve(results.size());
  for (std::int64_t c = 0; c < count; ++c) {
    const RowResult& result = results[static_cast<std::size_t>(c)];
    sums.nats.push_back(result.loss);
    sums.loss += mask[c] * result.loss;
    sums.correct += result.correct ? mask[c] : 0;
  }
  return sums;
}

}  // namespace

SoftmaxRows softmax_loss(const at::Tensor& logits_CV, const at::Tensor& targets_C, const at::Tensor& mask_C) {
  if (!has_kernel(logits_CV)) return composed(logits_CV, targets_C, mask_C);
  if (logits_CV.scalar_type() == at::kFloat) return rows<float>(logits_CV, targets_C, mask_C, Write::nothing);
  return rows<c10::BFloat16>(logits_CV, targets_C, mask_C, Write::nothing);
}

SoftmaxRows softmax_gradient_in_place(at::Tensor& logits_CV, const at::Tensor& targets_C,
                                      const at::Tensor& mask_C) {
  if (has_kernel(logits_CV)) {
    if (logits_CV.scalar_type() == at::kFloat)
      return rows<float>(logits_CV, targets_C, mask_C, Write::gradient);
    return rows<c10::BFloat16>(logits_CV, targets_C, mask_C, Write::gradient);
  }
  SoftmaxRows sums = composed(logits_CV, targets_C, mask_C);
  const at::Tensor wide = widened(logits_CV);
  at::Tensor gradient = wide.softmax(-1);
  const at::Tensor index = targets_C.unsqueeze(-1);
  gradient.scatter_add_(-1, index, aten::full({targets_C.size(0), 1}, -1, gradient.options()));
  logits_CV.copy_(gradient * mask_C.to(gradient.scalar_type()).unsqueeze(-1));
  return sums;
}

at::Tensor log_probabilities(const at::Tensor& logits_CV, const at::Tensor& targets_C) {
  const at::Tensor wide = widened(logits_CV);
  return wide.gather(-1, targets_C.unsqueeze(-1)).squeeze(-1) - wide.logsumexp(-1);
}

}  // namespace easylm
