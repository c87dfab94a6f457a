// Makes, feeds and reads optimizers.
#include "optimizer_trial.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "easylm/tensor/aten.h"

namespace easylm::exam {
namespace {

class Collect : public StateVisitor {
 public:
  void tensor(std::string_view parameter, std::string_view role, at::Tensor& value) override {
    found.push_back({std::string(parameter), std::string(role), value});
  }
  std::vector<StateTensor> found;
};

}  // namespace

std::string StateTensor::label() const { return "the state '" + role + "' of " + parameter; }

std::vector<Parameter> some_parameters(const Subject& subject) {
  const auto parameter = [&](const char* name, at::IntArrayRef shape, bool decay) {
    std::vector<std::string> axes(shape.size());
    return Parameter{name, noise(subject, name, shape), {std::move(axes)}, decay};
  };
  return {parameter("matrix.weight", {6, 5}, true), parameter("norm.weight", {7}, false),
          parameter("single.weight", {1}, true), parameter("block.weight", {2, 3, 4}, true),
          parameter("large.weight", {50, 67}, true)};
}

std::vector<Parameter> copies_of(const std::vector<Parameter>& parameters) {
  std::vector<Parameter> copies = parameters;
  for (Parameter& parameter : copies) parameter.value = copy_of(parameter.value);
  return copies;
}

Tensors values_of(const std::vector<Parameter>& parameters) {
  Tensors values;
  values.reserve(parameters.size());
  for (const Parameter& parameter : parameters) values.push_back(parameter.value);
  return values;
}

Tensors some_gradients(const Subject& subject, const std::vector<Parameter>& parameters, std::int64_t step,
                       at::ScalarType dtype) {
  Tensors gradients;
  gradients.reserve(parameters.size());
  for (const Parameter& parameter : parameters) {
    const std::string purpose = "gradient " + std::to_string(step) + " of " + parameter.name;
    gradients.push_back(noise(subject, purpose, parameter.value.sizes(), dtype));
  }
  return gradients;
}

std::vector<StateTensor> state_of(Optimizer& optimizer) {
  Collect collect;
  optimizer.state(collect);
  return std::move(collect.found);
}

Tensors state_values(Optimizer& optimizer) {
  Tensors values;
  for (const StateTensor& tensor : state_of(optimizer)) values.push_back(tensor.value);
  return values;
}

OptimizerTrial::OptimizerTrial(const Subject& subject, std::vector<Parameter> given)
    : optimizer(subject.make<Optimizer>()), parameters(std::move(given)) {
  optimizer->attach(parameters);
}

void OptimizerTrial::step(const Subject& subject, std::int64_t step) {
  note("step " + std::to_string(step));
  const Tensors gradients = some_gradients(subject, parameters, step);
  this->step({step, kRate, 1, gradients});
}

void OptimizerTrial::step(const StepContext& context) {
  const at::NoGradGuard no_grad;
  optimizer->step(context);
}

Tensors OptimizerTrial::all() const {
  Tensors all = values_of(parameters);
  for (at::Tensor& value : state_values(*optimizer)) all.push_back(std::move(value));
  return all;
}

void expect_same_update(const Tensors& found, const Tensors& wanted, const std::string& finding) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double apart = distance(found[i], wanted[i]);
    expect(apart <= 1e-5, finding + ": numbers are apart by " + text_of(apart) + " of the greatest");
  }
}

bool all_finite(const Tensors& all) {
  for (const at::Tensor& x : all) {
    if (!all_finite(x)) return false;
  }
  return true;
}

}  // namespace easylm::exam
