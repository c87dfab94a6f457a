// The plain forward pass: full weights, LibTorch's matrix products.
#include "easylm/tensor/forward_context.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <vector>

#include "easylm/tensor/device.h"

namespace easylm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// x W^T in fp32 on upcast copies, for CPUs without bf16 products. Keeps the bf16 tensors only.
class UpcastLinear : public torch::autograd::Function<UpcastLinear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight_OI,
                            const std::optional<at::Tensor>& bias_O) {
    context->save_for_backward({x, weight_OI});
    context->saved_data["bias"] = bias_O.has_value();
    const at::Tensor x_RI = x.reshape({-1, x.size(-1)}).to(at::kFloat);
    at::Tensor y_RO = at::mm(x_RI, weight_OI.to(at::kFloat).t());
    if (bias_O) y_RO.add_(*bias_O);
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.back() = weight_OI.size(0);
    return y_RO.to(x.scalar_type()).view(shape);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight_OI = saved[1];
    const at::Tensor dy_RO = gradients[0].reshape({-1, weight_OI.size(0)}).to(at::kFloat);
    at::Tensor dx, dw_OI, db_O;
    if (context->needs_input_grad(0)) {
      dx = at::mm(dy_RO, weight_OI.to(at::kFloat)).to(x.scalar_type()).view(x.sizes());
    }
    if (context->needs_input_grad(1)) {
      const at::Tensor x_RI = x.reshape({-1, x.size(-1)}).to(at::kFloat);
      dw_OI = at::mm(dy_RO.t(), x_RI).to(weight_OI.scalar_type());
    }
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) {
      db_O = dy_RO.sum(0).to(weight_OI.scalar_type());
    }
    return {dx, dw_OI, db_O};
  }
};

}  // namespace

ForwardContext::ForwardContext(Phase phase) : phase_(phase) {}
ForwardContext::~ForwardContext() = default;

RandomStream ForwardContext::random(std::string_view place) const { return {seed, place, draw}; }

at::Tensor ForwardContext::linear(const LinearWeights& weights, const at::Tensor& x) {
  if (x.scalar_type() == at::kBFloat16 && !has_bf16_products(x.device())) {
    // An undefined tensor can't be an input of an autograd node; an absent one can.
    const auto bias_O = weights.bias_O.defined() ? std::optional(weights.bias_O) : std::nullopt;
    return UpcastLinear::apply(x, weights.weight_OI, bias_O);
  }
  return at::linear(x, weights.weight_OI, weights.bias_O);
}

}  // namespace easylm
