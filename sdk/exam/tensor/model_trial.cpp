// Makes models and runs them as the stages do.
#include "model_trial.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"

namespace easylm::exam {
namespace {

struct TrainingContext : ForwardContext {
  TrainingContext() : ForwardContext(Phase::train) {
    seed = 5;
    draw = 3;
  }
};

at::Tensor loss_in(ForwardContext& context, Model& model, const at::Tensor& ids_BT, Recompute policy) {
  const std::int64_t length = ids_BT.size(1) - 1;
  const at::Tensor h_BTD = run_model(model, ids_BT.narrow(1, 0, length), context, policy);
  const at::ScalarType type = h_BTD.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor logits_BTV = h_BTD.to(type).matmul(model.head_weight().to(type).t());
  const at::Tensor targets = ids_BT.narrow(1, 1, length).unsqueeze(-1);
  return logits_BTV.log_softmax(-1).gather(-1, targets).mean().neg();
}

}  // namespace

std::vector<Parameter> parameters_of(Model& model) {
  std::vector<Parameter> parameters;
  model.parameters(parameters);
  return parameters;
}

void stir(const Subject& subject, Model& model) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters_of(model)) {
    const at::Tensor drawn = noise(subject, "stir " + parameter.name, parameter.value.sizes(), at::kDouble);
    if (parameter.value.dim() < 2) {
      parameter.value.add_(drawn * 0.1);
    } else {
      parameter.value.copy_(drawn / std::sqrt(static_cast<double>(parameter.value.size(-1))));
    }
  }
}

std::shared_ptr<Model> ready_model(const Subject& subject, at::ScalarType dtype) {
  auto model = subject.make<Model>();
  model->materialise(at::kCPU, dtype);
  model->initialise(subject.host);
  stir(subject, *model);
  return model;
}

at::Tensor some_ids(const Subject& subject, const Model& model, std::int64_t rows, std::int64_t length) {
  const at::Generator generator = generator_of(subject.random("tokens"), at::kCPU);
  return aten::empty({rows, length}, at::kLong).random_(0, model.facts().vocabulary_size, generator);
}

std::int64_t usual_length(const Model& model) {
  return std::min<std::int64_t>(12, model.facts().max_positions);
}

at::Tensor hidden_of(Model& model, const at::Tensor& ids_BT, const Told& told) {
  const at::NoGradGuard no_grad;
  ForwardContext context(Phase::infer);
  context.positions = told.positions;
  context.segments_BT = told.segments_BT;
  return run_model(model, ids_BT, context, Recompute::none);
}

double loss_of(Model& model, const at::Tensor& ids_BT) {
  const at::NoGradGuard no_grad;
  TrainingContext context;
  return loss_in(context, model, ids_BT, Recompute::none).item<double>();
}

Tensors loss_gradients(Model& model, const at::Tensor& ids_BT, Recompute policy) {
  Tensors values;
  for (const Parameter& parameter : parameters_of(model)) {
    parameter.value.set_requires_grad(true);
    values.push_back(parameter.value);
  }
  TrainingContext context;  // which blocks that are computed again look at
  return gradients_of(loss_in(context, model, ids_BT, policy), values);
}

void expect_near(const at::Tensor& found, const at::Tensor& wanted, double tolerance,
                 const std::string& finding) {
  const double apart = distance(found, wanted);
  expect(apart <= tolerance, finding + ": numbers are apart by " + text_of(apart) +
                                 " of the greatest, and may be by " + text_of(tolerance));
}

}  // namespace easylm::exam
