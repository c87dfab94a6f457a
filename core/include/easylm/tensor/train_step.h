// One training update: forward, backward, global-norm clipping, optimizer; with fp32 master weights where the
// computation is in bf16. What the train stage repeats and the benchmark times.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/tensor/block_runner.h"
#include "easylm/tensor/model.h"
#include "easylm/tensor/model_store.h"
#include "easylm/tensor/optimizer.h"

namespace easylm {

struct BatchTensors;

struct TrainStepOptions {
  at::ScalarType compute = at::kFloat;  // bf16: the model computes in bf16, masters stay fp32
  Recompute recompute = Recompute::none;
  double clip_gradient = 1.0;        // greatest global norm of the gradient; 0: no clipping
  std::int64_t tokens_per_pass = 0;  // a batch is cut by rows into passes of at most so many; 0: one pass
  std::uint64_t seed = 0;
};

struct StepReport {
  bool applied = false;  // false: loss or gradient was not finite, or no target counted; nothing was changed
  double loss = 0;       // mean over the targets' weights, in nats
  double accuracy = 0;
  double learning_rate = 0;
  double gradient_norm = 0;  // before clipping
};

// What has to be restored, beside the tensors, for the next update to be the one that would have been.
struct TrainCounters {
  std::int64_t updates = 0;         // that the optimizer made
  std::int64_t forward_passes = 0;  // names the random numbers of each pass
};

class EASYLM_API TrainStep {
 public:
  // Attaches the optimizer to the model's parameters, which are fp32 now; if the computation is in bf16,
  // keeps them as masters and gives the model copies in bf16. Both outlive this. [setup]
  TrainStep(Model& model, Optimizer& optimizer, const TrainStepOptions& options);
  ~TrainStep();  // The model no longer asks for gradients.
  TrainStep(const TrainStep&) = delete;
  TrainStep& operator=(const TrainStep&) = delete;

  // Adds the gradients of one batch. Throws Error{invalid_config} if it does not fit the model. [train-loop]
  void accumulate(const TokenBatch& batch);

  // Divides what was accumulated by its weight, clips it and applies it; `step` picks the learning rate.
  StepReport update(std::int64_t step);

  double parameter_norm() const;

  // fp32 weights that the model itself doesn't hold, by parameter name; empty if it computes in fp32.
  std::vector<NamedTensor> masters() const;

  // After writing into masters(): the model's copies follow.
  void copy_masters_to_model();

  const TrainCounters& counters() const { return counters_; }
  void restore(const TrainCounters& counters) { counters_ = counters; }

 private:
  struct Sums {
    double loss = 0, weight = 0, correct = 0;
  };

  void pass(const BatchTensors& batch);
  void apply(double scale, double learning_rate);
  void drop_gradients();

  Model& model_;
  Optimizer& optimizer_;
  TrainStepOptions options_;
  at::Device device_;
  std::vector<Parameter> parameters_;  // as the model computes with them
  std::vector<at::Tensor> masters_;    // the same in fp32
  std::vector<at::Tensor> gradients_;
  Sums sums_;
  TrainCounters counters_;
};

}  // namespace easylm
