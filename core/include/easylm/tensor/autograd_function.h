// Functions with a backward pass of their own: what torch::autograd::Function is, without its header, which
// takes a compiler a quarter of a minute.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "easylm/export.h"

namespace easylm {

using Tensors = std::vector<at::Tensor>;

// One call of a function: what it depends on beside tensors are its members.
class EASYLM_API AutogradFunction {
 public:
  AutogradFunction();
  virtual ~AutogradFunction();
  AutogradFunction(const AutogradFunction&) = delete;
  AutogradFunction& operator=(const AutogradFunction&) = delete;

  // The output, computed outside of any graph. What is put into `saved` comes back in backward(). Inputs and
  // the output belong there and not into members: those would keep the graph alive for ever.
  virtual at::Tensor forward(const Tensors& inputs, Tensors& saved) = 0;

  // The gradient of each input, undefined where there is none; those that are not `wanted` are not looked at.
  virtual Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                           const std::vector<bool>& wanted) = 0;
};

// The output of `function` for `inputs`, which are defined; one node of the graph if any needs a gradient.
EASYLM_API at::Tensor apply_function(std::shared_ptr<AutogradFunction> function, const Tensors& inputs);

// The tensors that `y` was computed from and that keep a gradient, each once.
EASYLM_API Tensors leaves_behind(const at::Tensor& y);

}  // namespace easylm
