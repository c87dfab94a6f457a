// How well a model predicts a held-out set: one pass, no gradients.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/host.h"
#include "easylm/tensor/model.h"

namespace easylm {

// What was scored, as sums: so parts can be added up.
struct Evaluation {
  double nats = 0;              // Σ weight · -log p(target)
  double weight = 0;            // Σ weight of targets
  double correct = 0;           // Σ weight where the most probable token is the target
  std::int64_t text_bytes = 0;  // of UTF-8 behind the scored targets
  std::int64_t batches = 0;

  EASYLM_API double loss() const;        // nats a target
  EASYLM_API double perplexity() const;  // e^loss
  EASYLM_API double bits_per_byte() const;
  EASYLM_API double accuracy() const;
};

struct EvaluationOptions {
  at::Device device = at::kCPU;
  std::int64_t max_batches = 0;  // 0: the whole pass
  const Tokenizer* tokenizer =
      nullptr;                      // counts the bytes of text where the dataset doesn't know; may be null
  const StopToken* stop = nullptr;  // looked at between batches; may be null
};

// Scores the dataset from where it stands; it was opened for a `once` pass. Throws Error{invalid_config} if
// it does not fit the model or holds no target, Error{interrupted} if told to stop.
EASYLM_API Evaluation evaluate(Model& model, Dataset& dataset, const EvaluationOptions& options);

// The targets at positions begin to end - 1. A target's position is the number of tokens between its
// document's first and the last one read for it; where rows run across documents, its row's first.
struct PositionLoss {
  std::int64_t begin = 0, end = 1;
  double nats = 0, weight = 0;  // Σ weight · -log p(target), Σ weight

  EASYLM_API double loss() const;  // nats a target
};

// The same pass, its targets sorted by position into powers of two: [0, 1), [1, 2), [2, 4), …, as far as any
// reach; ranges without a target are left out.
EASYLM_API Evaluation evaluate(Model& model, Dataset& dataset, const EvaluationOptions& options,
                               std::vector<PositionLoss>& by_position);

// "loss_from_1024" and the like, named by where each range begins.
EASYLM_API std::vector<std::pair<std::string, double>> position_metrics(
    const std::vector<PositionLoss>& losses);

// For people: a line a range.
EASYLM_API std::string position_table(const std::vector<PositionLoss>& losses);

}  // namespace easylm
