// Gradients of models: whether they are true, whole, and the same under recomputation.
#include <ATen/core/grad_mode.h>

#include <array>
#include <cmath>
#include <cstdlib>

#include "easylm/tensor/aten.h"
#include "model.h"
#include "model_trial.h"

namespace easylm::exam {
namespace {

// What a step of `h` along a direction costs differs from the gradient's word by O(h²) and by the loss's
// rounding over h. `tolerance`: of the gradient's length, which a random direction of length 1 sees a share
// of.
struct Differencing {
  double step, tolerance;
};
constexpr Differencing kInDouble{1e-3, 1e-4};
constexpr Differencing kInFloat{1e-2, 2e-2};

// A model in fp64, or in fp32 if it can't.
std::pair<std::shared_ptr<Model>, Differencing> exact_model(const Subject& subject) {
  try {
    return {ready_model(subject, at::kDouble), kInDouble};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return {ready_model(subject), kInFloat};
  }
}

double loss_along(Model& model, const at::Tensor& ids_BT, const at::Tensor& value,
                  const at::Tensor& direction, double step) {
  const at::NoGradGuard no_grad;
  const at::Tensor kept = value.detach().clone();
  value.detach().add_(direction * step);
  const double loss = loss_of(model, ids_BT);
  value.detach().copy_(kept);
  return loss;
}

}  // namespace

void has_true_gradients(const Subject& subject) {
  const auto [model, differencing] = exact_model(subject);
  const at::Tensor ids_BT = some_ids(subject, *model, 2, usual_length(*model));
  const std::vector<Parameter> parameters = parameters_of(*model);
  const Tensors gradients = loss_gradients(*model, ids_BT);
  double longest = 0;
  for (const at::Tensor& gradient : gradients) {
    if (gradient.defined()) longest = std::max(longest, gradient.norm().item<double>());
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!gradients[i].defined()) continue;  // trains_every_parameter says it
    const double length = gradients[i].norm().item<double>();
    // Along the gradient itself, where the loss changes most, and along a random direction.
    for (const bool along : {true, false}) {
      at::Tensor direction = along && length > 0 ? gradients[i].detach()
                                                 : noise(subject, "direction " + parameters[i].name,
                                                         gradients[i].sizes(), at::kDouble)
                                                       .to(gradients[i].scalar_type());
      direction = direction / direction.norm().item<double>();
      const double h = differencing.step;
      const double up = loss_along(*model, ids_BT, parameters[i].value, direction, h);
      const double down = loss_along(*model, ids_BT, parameters[i].value, direction, -h);
      const double seen = (up - down) / (2 * h);
      const double said = (gradients[i] * direction).sum().item<double>();
      expect(std::abs(seen - said) <= differencing.tolerance * (length + longest / 100),
             "along a direction of " + parameters[i].name + " the loss grows by " + text_of(seen) +
                 " a unit, and by its gradient by " + text_of(said));
    }
  }
}

void trains_every_parameter(const Subject& subject) {
  const auto model = ready_model(subject);
  const at::Tensor ids_BT = some_ids(subject, *model, 4, usual_length(*model));
  const std::vector<Parameter> parameters = parameters_of(*model);
  const Tensors gradients = loss_gradients(*model, ids_BT);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    expect(gradients[i].defined() && gradients[i].count_nonzero().item<std::int64_t>() > 0,
           parameters[i].name + " gets no gradient: it can't be trained");
    expect(all_finite(gradients[i]), "the gradient of " + parameters[i].name + " is not finite");
  }
}

void recomputes_exactly(const Subject& subject) {
  const auto model = ready_model(subject);
  const at::Tensor ids_BT = some_ids(subject, *model, 2, usual_length(*model));
  {
    const at::NoGradGuard no_grad;
    ForwardContext context(Phase::train);
    context.seed = 5;
    context.draw = 3;
    const at::Tensor h_BTD = model->embed(ids_BT, context);
    const std::int64_t layers = model->facts().num_layers;
    const at::Tensor once = model->block(layers - 1, h_BTD, context);
    for (std::int64_t layer = 0; layer < layers; ++layer) (void)model->block(layer, once, context);
    expect(same_bits(model->block(layers - 1, h_BTD, context), once),
           "block " + std::to_string(layers - 1) + " gives other bits when it runs again");
    expect(same_bits(model->embed(ids_BT, context), h_BTD), "embed() gives other bits when it runs again");
  }
  const Tensors kept = loss_gradients(*model, ids_BT);
  const Tensors recomputed = loss_gradients(*model, ids_BT, Recompute::blocks);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (!kept[i].defined()) continue;
    expect_near(recomputed[i], kept[i], kSamePass,
                "a gradient is another one when blocks are computed again in the backward pass");
  }
}

}  // namespace easylm::exam
