// Cross-entropy chunk by chunk: each chunk's logits are overwritten by their gradient, used, and overwritten
// by the next chunk's.
#include "easylm/tensor/loss.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/autograd_function.h"
#include "easylm/tensor/device.h"
#include "products.h"
#include "softmax_rows.h"

namespace easylm {
namespace {

// 96 MiB of fp32 logits: each chunk packs the head's weights twice, which takes some hundreds of rows to pay.
constexpr std::int64_t kChunkElements = std::int64_t{24} << 20U;

// The rows that count, flattened.
struct Rows {
  at::Tensor h_RD, targets_R, mask_R;
  at::Tensor index_R;  // their row numbers among all B · T; undefined if all count
};

at::ScalarType math_type(const at::Tensor& h) {
  const bool upcast = h.scalar_type() == at::kBFloat16 && !has_bf16_products(h.device());
  return upcast ? at::kFloat : h.scalar_type();
}

// Throws unless every target that counts is an id of the vocabulary.
void check_targets(const at::Tensor& targets_R, std::int64_t vocabulary) {
  if (targets_R.numel() == 0) return;
  const auto low = targets_R.min().item<std::int64_t>();
  const auto high = targets_R.max().item<std::int64_t>();
  if (low >= 0 && high < vocabulary) return;
  throw Error(ErrorCode::invalid_config,
              "token id " + std::to_string(low < 0 ? low : high) + " is a target, and the model has " +
                  std::to_string(vocabulary) + " ids, from 0",
              "give the model the tokenizer's vocab_size");
}

Rows select_rows(const LossInput& input) {
  Rows rows;
  rows.h_RD = input.h_BTD.detach().reshape({-1, input.h_BTD.size(-1)});
  rows.targets_R = input.targets_BT.reshape({-1});
  rows.mask_R = input.mask_BT.reshape({-1});
  const at::Tensor index_R = rows.mask_R.nonzero().squeeze(1);
  if (index_R.numel() < rows.mask_R.numel()) {
    rows.index_R = index_R;
    rows.h_RD = rows.h_RD.index_select(0, index_R);
    rows.targets_R = rows.targets_R.index_select(0, index_R);
    rows.mask_R = rows.mask_R.index_select(0, index_R);
  }
  check_targets(rows.targets_R, input.w_VD.size(0));
  return rows;
}

std::int64_t rows_per_chunk(std::int64_t vocabulary) {
  constexpr std::int64_t kFewest = 16;
  return std::max(kFewest, kChunkElements / vocabulary / kFewest * kFewest);
}

struct Sweep {
  double loss = 0, correct = 0;
  std::vector<double> nats;  // of each row
  at::Tensor dh_RD, dw_VD;   // undefined if not wanted; dw in fp32 or wider
};

enum class Want { loss, gradients };

// One sweep over chunks of rows.
Sweep sweep(const Rows& rows, const at::Tensor& w_VD, Want want) {
  const at::ScalarType type = math_type(rows.h_RD);
  const at::Tensor w = w_VD.to(type);
  const std::int64_t num_rows = rows.h_RD.size(0), vocabulary = w.size(0);
  const std::int64_t chunk_rows = std::min(num_rows, rows_per_chunk(vocabulary));
  Sweep result;
  result.nats.reserve(static_cast<std::size_t>(num_rows));
  if (want == Want::gradients) {
    const at::ScalarType sum_type = type == at::kDouble ? at::kDouble : at::kFloat;
    result.dh_RD = aten::empty(rows.h_RD.sizes(), rows.h_RD.options());
    result.dw_VD = aten::zeros(w.sizes(), w.options().dtype(sum_type));
  }
  const at::Tensor buffer_CV = aten::empty({chunk_rows, vocabulary}, w.options());
  for (std::int64_t begin = 0; begin < num_rows; begin += chunk_rows) {
    const std::int64_t count = std::min(chunk_rows, num_rows - begin);
    const at::Tensor h_CD = rows.h_RD.narrow(0, begin, count).to(type);
    at::Tensor logits_CV = buffer_CV.narrow(0, 0, count);
    product_into(logits_CV, h_CD, w.t());
    const SoftmaxRows sums =
        want == Want::gradients ? softmax_gradient_in_place(logits_CV, rows.targets_R.narrow(0, begin, count),
                                                            rows.mask_R.narrow(0, begin, count))
                                : softmax_loss(logits_CV, rows.targets_R.narrow(0, begin, count),
                                               rows.mask_R.narrow(0, begin, count));
    result.loss += sums.loss;
    result.correct += sums.correct;
    result.nats.insert(result.nats.end(), sums.nats.begin(), sums.nats.end());
    if (want == Want::loss) continue;
    result.dh_RD.narrow(0, begin, count).copy_(product(logits_CV, w));
    product_add(result.dw_VD, logits_CV.t(), h_CD);
  }
  return result;
}

LossSums sums_of(const Rows& rows, const Sweep& swept, const LossInput& input) {
  const at::ScalarType type = input.h_BTD.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  LossSums sums;
  sums.loss = aten::empty({}, input.h_BTD.options().dtype(type).requires_grad(false)).fill_(swept.loss);
  sums.weight = rows.mask_R.sum(at::kDouble).item<double>();
  sums.correct = swept.correct;
  return sums;
}

// Hands out the gradients that the sweep has computed already.
class PrecomputedLoss : public AutogradFunction {
 public:
  PrecomputedLoss(at::Tensor loss, at::Tensor dh_BTD, at::Tensor dw_VD)
      : loss_(std::move(loss)), gradients_{std::move(dh_BTD), std::move(dw_VD)} {}

  at::Tensor forward(const Tensors& /*h_BTD, w_VD*/, Tensors& /*saved*/) override { return std::move(loss_); }

  // Scaled where they are: a copy of dw would be as large as the embedding.
  Tensors backward(const Tensors& /*saved*/, const at::Tensor& scale,
                   const std::vector<bool>& /*wanted*/) override {
    EASYLM_CHECK(!gradients_.empty(), "a loss was differentiated twice");
    for (at::Tensor& gradient : gradients_) gradient.mul_(scale);
    return std::exchange(gradients_, {});
  }

 private:
  at::Tensor loss_;
  Tensors gradients_;
};

}  // namespace

LossSums masked_cross_entropy(const LossInput& input) {
  const bool wanted =
      at::GradMode::is_enabled() && (input.h_BTD.requires_grad() || input.w_VD.requires_grad());
  LossSums sums;
  Sweep swept;
  at::Tensor dh_BTD;
  {
    const at::NoGradGuard no_grad;
    const Rows rows = select_rows(input);
    swept = sweep(rows, input.w_VD.detach(), wanted ? Want::gradients : Want::loss);
    sums = sums_of(rows, swept, input);
    dh_BTD = swept.dh_RD;
    if (wanted && rows.index_R.defined()) {
      dh_BTD = aten::zeros({input.mask_BT.numel(), input.h_BTD.size(-1)}, input.h_BTD.options());
      dh_BTD.index_copy_(0, rows.index_R, swept.dh_RD);
    }
  }
  if (wanted) {
    auto loss = std::make_shared<PrecomputedLoss>(sums.loss, dh_BTD.view(input.h_BTD.sizes()), swept.dw_VD);
    sums.loss = apply_function(std::move(loss), {input.h_BTD, input.w_VD});
  }
  return sums;
}

LossSums cross_entropy_of_each(const LossInput& input, std::vector<double>& nats) {
  const at::NoGradGuard no_grad;
  const Rows rows = select_rows(input);
  const Sweep swept = sweep(rows, input.w_VD, Want::loss);
  nats.assign(static_cast<std::size_t>(input.mask_BT.numel()), 0);
  if (!rows.index_R.defined()) {
    nats = swept.nats;
  } else {
    const at::Tensor index = rows.index_R.cpu();
    const auto* places = index.const_data_ptr<std::int64_t>();
    for (std::size_t i = 0; i < swept.nats.size(); ++i)
      nats.at(static_cast<std::size_t>(places[i])) = swept.nats[i];
  }
  return sums_of(rows, swept, input);
}

at::Tensor token_log_probabilities(const LossInput& input) {
  const at::NoGradGuard no_grad;
  const at::Tensor h_RD = input.h_BTD.reshape({-1, input.h_BTD.size(-1)});
  const at::Tensor targets_R = input.targets_BT.reshape({-1});
  const at::ScalarType type = math_type(h_RD);
  const at::Tensor w = input.w_VD.to(type);
  check_targets(targets_R, w.size(0));
  const at::ScalarType out_type = type == at::kDouble ? at::kDouble : at::kFloat;
  at::Tensor result_R = aten::empty({h_RD.size(0)}, h_RD.options().dtype(out_type));
  const std::int64_t chunk_rows = rows_per_chunk(w.size(0));
  for (std::int64_t begin = 0; begin < h_RD.size(0); begin += chunk_rows) {
    const std::int64_t count = std::min(chunk_rows, h_RD.size(0) - begin);
    const at::Tensor logits_CV = product(h_RD.narrow(0, begin, count).to(type), w.t());
    result_R.narrow(0, begin, count).copy_(log_probabilities(logits_CV, targets_R.narrow(0, begin, count)));
  }
  return result_R.view(input.targets_BT.sizes());
}

}  // namespace easylm
