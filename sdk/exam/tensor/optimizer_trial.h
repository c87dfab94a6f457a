// An optimizer under examination, its parameters, and what it is fed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "easylm/tensor/optimizer.h"
#include "tensors.h"

namespace easylm::exam {

// Matrices, vectors, a single number and a block of them; some with decay; one beyond any kernel's block.
std::vector<Parameter> some_parameters(const Subject& subject);

// Copies of their own memory, under the same names.
std::vector<Parameter> copies_of(const std::vector<Parameter>& parameters);

Tensors values_of(const std::vector<Parameter>& parameters);

// Gradients like `parameters`, other ones for each `step`.
Tensors some_gradients(const Subject& subject, const std::vector<Parameter>& parameters, std::int64_t step,
                       at::ScalarType dtype = at::kFloat);

struct StateTensor {
  std::string parameter, role;
  at::Tensor value;  // the live one

  std::string label() const;  // "the state 'exp_avg' of norm.weight"
};
std::vector<StateTensor> state_of(Optimizer& optimizer);
Tensors state_values(Optimizer& optimizer);

// A new optimizer and the parameters that it was given.
struct OptimizerTrial {
  std::shared_ptr<Optimizer> optimizer;
  std::vector<Parameter> parameters;

  OptimizerTrial(const Subject& subject, std::vector<Parameter> given);
  explicit OptimizerTrial(const Subject& subject) : OptimizerTrial(subject, some_parameters(subject)) {}

  // Update number `step` with some_gradients(step), at kRate.
  void step(const Subject& subject, std::int64_t step);
  void step(const StepContext& context);  // without a graph, as a training step calls it

  // Parameters and state, live.
  Tensors all() const;
};

constexpr double kRate = 0.01;

// Throws Finding unless all of `found` are `wanted` but for fp32 rounding: 1e-5 of the greatest number of
// each.
void expect_same_update(const Tensors& found, const Tensors& wanted, const std::string& finding);

// Whether every number is finite.
bool all_finite(const Tensors& all);

}  // namespace easylm::exam
