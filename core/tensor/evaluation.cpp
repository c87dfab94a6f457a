// Scores held-out text.
#include "easylm/tensor/evaluation.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
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

struct Totals {
  Evaluation sums;
  std::vector<PositionLoss> by_position;  // without gaps
};

// Adds a batch's targets to the range of positions in which each lies: the one of index i begins at 2^(i-1).
void sort_by_position(const TokenBatch& batch, const std::vector<double>& nats,
                      std::vector<PositionLoss>& ranges) {
  std::int64_t position = 0;
  for (std::size_t i = 0; i < batch.targets.size(); ++i, ++position) {
    const bool new_row = i % static_cast<std::size_t>(batch.length) == 0;
    const bool new_document = !batch.segments.empty() && i > 0 && batch.segments[i] != batch.segments[i - 1];
    if (new_row || new_document) position = 0;
    const auto index = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(position)));
    while (ranges.size() <= index) {
      const std::int64_t begin = ranges.empty() ? 0 : ranges.back().end;
      ranges.push_back({begin, std::max<std::int64_t>(1, 2 * begin)});
    }
    const auto weight = static_cast<double>(batch.mask[i]);
    ranges[index].nats += weight * nats[i];
    ranges[index].weight += weight;
  }
}

void score(Model& model, const TokenBatch& batch, at::Device device, Totals& total) {
  const BatchTensors tensors = tensors_of(batch, device);
  ForwardContext context(Phase::infer);
  context.segments_BT = tensors.segments_BT;
  const at::Tensor h_BTD = run_model(model, tensors.inputs_BT, context, Recompute::none);
  std::vector<double> nats;
  const LossSums sums =
      cross_entropy_of_each({h_BTD, model.head_weight(), tensors.targets_BT, tensors.mask_BT}, nats);
  sort_by_position(batch, nats, total.by_position);
  total.sums.nats += sums.loss.item<double>();
  total.sums.weight += sums.weight;
  total.sums.correct += sums.correct;
  ++total.sums.batches;
}

}  // namespace

double Evaluation::loss() const { return nats / weight; }
double Evaluation::perplexity() const { return std::exp(loss()); }
double Evaluation::bits_per_byte() const {
  return nats / std::numbers::ln2 / static_cast<double>(text_bytes);
}
double Evaluation::accuracy() const { return correct / weight; }

double PositionLoss::loss() const { return nats / weight; }

Evaluation evaluate(Model& model, Dataset& dataset, const EvaluationOptions& options) {
  std::vector<PositionLoss> by_position;
  return evaluate(model, dataset, options, by_position);
}

Evaluation evaluate(Model& model, Dataset& dataset, const EvaluationOptions& options,
                    std::vector<PositionLoss>& by_position) {
  const at::NoGradGuard no_grad;
  const bool whole = options.max_batches == 0;
  const bool count_tokens = options.tokenizer != nullptr && (!whole || dataset.text_bytes() == 0);
  std::optional<ByteCounter> counter;
  if (count_tokens) counter.emplace(*options.tokenizer);
  Totals total;
  TokenBatch batch;
  while ((whole || total.sums.batches < options.max_batches) && dataset.next(batch)) {
    if (options.stop != nullptr && options.stop->requested()) {
      throw Error(ErrorCode::interrupted, "stopped while evaluating");
    }
    check_batch(batch, model.facts());
    if (counter) total.sums.text_bytes += counter->count(batch);
    score(model, batch, options.device, total);
  }
  if (!counter) total.sums.text_bytes = dataset.text_bytes();
  if (total.sums.weight <= 0) {
    throw Error(ErrorCode::invalid_config, "the validation data holds no target to score",
                "give it more text: at least two tokens");
  }
  std::erase_if(total.by_position, [](const PositionLoss& range) { return range.weight <= 0; });
  by_position = std::move(total.by_position);
  return total.sums;
}

std::vector<std::pair<std::string, double>> position_metrics(const std::vector<PositionLoss>& losses) {
  std::vector<std::pair<std::string, double>> metrics;
  metrics.reserve(losses.size());
  for (const PositionLoss& range : losses) {
    metrics.emplace_back("loss_from_" + std::to_string(range.begin), range.loss());
  }
  return metrics;
}

std::string position_table(const std::vector<PositionLoss>& losses) {
  std::string text = "     position          loss    targets\n";
  for (const PositionLoss& range : losses) {
    std::array<char, 80> line{};
    std::snprintf(line.data(), line.size(), "%7lld – %-7lld %10.4f %10.0f\n",
                  static_cast<long long>(range.begin), static_cast<long long>(range.end - 1), range.loss(),
                  range.weight);
    text += line.data();
  }
  return text;
}

}  // namespace easylm
