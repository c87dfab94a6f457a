// Scores held-out text.
#include "easylm/tensor/evaluation.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/tensor/batch.h"
#include "easylm/tensor/block_runner.h"
#include "easylm/tensor/loss.h"

namespace easylm {
namespace {

// Counts the bytes of text behind targets, token by token; special tokens stand for none.
class ByteCounter {
 public:
  explicit ByteCounter(const Tokenizer& tokenizer) {
    for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
      lengths_.push_back(static_cast<std::int64_t>(tokenizer.token_bytes(id).size()));
    }
    const SpecialTokens& special = tokenizer.special();
    for (const TokenId id : special.stop) forget(id);
    for (const auto& id : {special.bos, special.eos, special.pad}) {
      if (id) forget(*id);
    }
  }

  std::int64_t count(const TokenBatch& batch) const {
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < batch.targets.size(); ++i) {
      const auto id = static_cast<std::size_t>(batch.targets[i]);
      if (batch.mask[i] > 0 && id < lengths_.size()) bytes += lengths_[id];
    }
    return bytes;
  }

 private:
  void forget(TokenId id) { lengths_.at(static_cast<std::size_t>(id)) = 0; }

  std::vector<std::int64_t> lengths_;
};

void score(Model& model, const TokenBatch& batch, at::Device device, Evaluation& total) {
  const BatchTensors tensors = tensors_of(batch, device);
  ForwardContext context(Phase::infer);
  context.segments_BT = tensors.segments_BT;
  const at::Tensor h_BTD = run_model(model, tensors.inputs_BT, context, Recompute::none);
  const LossSums sums =
      masked_cross_entropy({h_BTD, model.head_weight(), tensors.targets_BT, tensors.mask_BT});
  total.nats += sums.loss.item<double>();
  total.weight += sums.weight;
  total.correct += sums.correct;
  ++total.batches;
}

}  // namespace

double Evaluation::loss() const { return nats / weight; }
double Evaluation::perplexity() const { return std::exp(loss()); }
double Evaluation::bits_per_byte() const {
  return nats / std::numbers::ln2 / static_cast<double>(text_bytes);
}
double Evaluation::accuracy() const { return correct / weight; }

Evaluation evaluate(Model& model, Dataset& dataset, const EvaluationOptions& options) {
  const at::NoGradGuard no_grad;
  const bool whole = options.max_batches == 0;
  const bool count_tokens = options.tokenizer != nullptr && (!whole || dataset.text_bytes() == 0);
  std::optional<ByteCounter> counter;
  if (count_tokens) counter.emplace(*options.tokenizer);
  Evaluation total;
  TokenBatch batch;
  while ((whole || total.batches < options.max_batches) && dataset.next(batch)) {
    if (options.stop != nullptr && options.stop->requested()) {
      throw Error(ErrorCode::interrupted, "stopped while evaluating");
    }
    check_batch(batch, model.facts());
    if (counter) total.text_bytes += counter->count(batch);
    score(model, batch, options.device, total);
  }
  if (!counter) total.text_bytes = dataset.text_bytes();
  if (total.weight > 0) return total;
  throw Error(ErrorCode::invalid_config, "the validation data holds no target to score",
              "give it more text: at least two tokens");
}

}  // namespace easylm
