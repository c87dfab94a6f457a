// Gradients in, parameters out.
#include "easylm/tensor/train_step.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/batch.h"
#include "easylm/tensor/loss.h"

namespace easylm {
namespace {

double norm_of(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> norms;
  norms.reserve(tensors.size());
  for (const at::Tensor& tensor : tensors) norms.push_back(tensor.norm(2, at::kFloat));
  return aten::stack(norms).to(at::kDouble).norm(2).item<double>();
}

// Takes a parameter's gradient as soon as it is known, so that no two passes' gradients live at once. One
// pass's bf16 gradients stay as they are; sums over passes are in fp32.
class TakeGradient : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit TakeGradient(at::Tensor& sum) : sum_(sum) {}

  void operator()(const at::Tensor& parameter) override {
    const at::NoGradGuard no_grad;
    at::Tensor& gradient = parameter.mutable_grad();
    if (!sum_.defined()) {
      sum_ = gradient.detach();
    } else {
      if (sum_.scalar_type() != at::kFloat) sum_ = sum_.to(at::kFloat);
      sum_.add_(gradient);
    }
    gradient.reset();
  }

 private:
  at::Tensor& sum_;
};

}  // namespace

TrainStep::TrainStep(Model& model, Optimizer& optimizer, const TrainStepOptions& options)
    : model_(model), optimizer_(optimizer), options_(options), device_(at::kCPU) {
  model_.parameters(parameters_);
  EASYLM_CHECK(!parameters_.empty(), "a model without parameters can't be trained");
  device_ = parameters_.front().value.device();
  std::vector<Parameter> attached = parameters_;
  gradients_.resize(parameters_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor& value = parameters_[i].value;
    EASYLM_CHECK(value.scalar_type() == at::kFloat, "training starts from parameters in fp32");
    masters_.push_back(value.detach());
    attached[i].value = masters_.back();
    if (options_.compute != at::kFloat) value.set_data(value.detach().to(options_.compute));
    value.set_requires_grad(true);
    torch::autograd::impl::set_post_acc_grad_hooks(value, std::make_unique<TakeGradient>(gradients_[i]));
  }
  optimizer_.attach(attached);
}

TrainStep::~TrainStep() {
  for (const Parameter& parameter : parameters_) {
    torch::autograd::impl::set_post_acc_grad_hooks(parameter.value, nullptr);
    parameter.value.set_requires_grad(false);
  }
}

void TrainStep::accumulate(const TokenBatch& batch) {
  check_batch(batch, model_.facts());
  const BatchTensors tensors = tensors_of(batch, device_);
  const std::int64_t rows = options_.tokens_per_pass == 0
                                ? batch.num_rows
                                : std::max<std::int64_t>(1, options_.tokens_per_pass / batch.length);
  for (std::int64_t begin = 0; begin < batch.num_rows; begin += rows) {
    pass(tensors.rows(begin, std::min(batch.num_rows, begin + rows)));
  }
}

void TrainStep::pass(const BatchTensors& batch) {
  ForwardContext context(Phase::train);
  context.segments_BT = batch.segments_BT;
  context.seed = options_.seed;
  context.draw = static_cast<std::uint64_t>(counters_.forward_passes++);
  const at::Tensor h_BTD = run_model(model_, batch.inputs_BT, context, options_.recompute);
  const LossSums sums = masked_cross_entropy({h_BTD, model_.head_weight(), batch.targets_BT, batch.mask_BT});
  const double loss = sums.loss.item<double>();
  sums_.loss += loss;
  sums_.weight += sums.weight;
  sums_.correct += sums.correct;
  if (std::isfinite(loss) && sums.weight > 0) sums.loss.backward();
}

StepReport TrainStep::update(std::int64_t step) {
  StepReport report;
  report.loss = sums_.loss / sums_.weight;
  report.accuracy = sums_.correct / sums_.weight;
  report.learning_rate = optimizer_.schedule().at(step);
  if (std::isfinite(report.loss)) {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      if (!gradients_[i].defined())
        gradients_[i] = parameters_[i].value.new_zeros(parameters_[i].value.sizes());
    }
    report.gradient_norm = norm_of(gradients_) / sums_.weight;
    report.applied = std::isfinite(report.gradient_norm);
    const bool clipped = options_.clip_gradient > 0 && report.gradient_norm > options_.clip_gradient;
    const double clip = clipped ? options_.clip_gradient / report.gradient_norm : 1;
    if (report.applied) apply(clip / sums_.weight, report.learning_rate);
  }
  drop_gradients();
  return report;
}

void TrainStep::apply(double scale, double learning_rate) {
  optimizer_.step({counters_.updates++, learning_rate, scale, gradients_});
  if (options_.compute != at::kFloat) copy_masters_to_model();
}

void TrainStep::drop_gradients() {
  for (at::Tensor& gradient : gradients_) gradient.reset();
  sums_ = {};
}

double TrainStep::parameter_norm() const {
  const at::NoGradGuard no_grad;
  return norm_of(masters_);
}

std::vector<NamedTensor> TrainStep::masters() const {
  std::vector<NamedTensor> named;
  if (options_.compute == at::kFloat) return named;
  for (std::size_t i = 0; i < masters_.size(); ++i) named.push_back({parameters_[i].name, masters_[i]});
  return named;
}

void TrainStep::copy_masters_to_model() {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < masters_.size(); ++i) parameters_[i].value.copy_(masters_[i]);
}

}  // namespace easylm
