// What an update of an optimizer does and leaves.
#include <array>
#include <cmath>

#include "easylm/tensor/aten.h"
#include "optimizer.h"
#include "optimizer_trial.h"

namespace easylm::exam {
namespace {

constexpr std::int64_t kGuard = 32;     // numbers on either side of a guarded parameter
constexpr double kGuardNumber = 0.375;  // that they hold

// Parameters in the midst of memory that nobody may touch.
struct Guarded {
  std::vector<Parameter> parameters;
  Tensors around;

  explicit Guarded(std::vector<Parameter> given) : parameters(std::move(given)) {
    for (Parameter& parameter : parameters) {
      const std::int64_t size = parameter.value.numel();
      around.push_back(aten::full({size + 2 * kGuard}, kGuardNumber));
      const at::Tensor inside = around.back().narrow(0, kGuard, size).view(parameter.value.sizes());
      inside.copy_(parameter.value);
      parameter.value = inside;
    }
  }

  bool untouched() const {
    for (const at::Tensor& x : around) {
      const at::Tensor after = x.narrow(0, x.numel() - kGuard, kGuard);
      if (!x.narrow(0, 0, kGuard).eq(kGuardNumber).all().item<bool>()) return false;
      if (!after.eq(kGuardNumber).all().item<bool>()) return false;
    }
    return true;
  }
};

Tensors multiplied(const Tensors& all, double factor) {
  Tensors products;
  products.reserve(all.size());
  for (const at::Tensor& x : all) products.push_back(x * factor);
  return products;
}

at::Tensor transposed_in_memory(const at::Tensor& x) {
  return x.dim() < 2 ? x : x.transpose(0, -1).contiguous().transpose(0, -1);
}
at::Tensor spread_in_memory(const at::Tensor& x) {
  return aten::stack({x, x * 2}).movedim(0, -1).contiguous().select(-1, 0);
}
at::Tensor as_it_is(const at::Tensor& x) { return x; }

struct GradientForm {
  const char* name;
  at::ScalarType dtype;
  at::Tensor (*lay)(const at::Tensor&);
};
constexpr std::array<GradientForm, 6> kForms{{{"in bf16", at::kBFloat16, as_it_is},
                                              {"in fp16", at::kHalf, as_it_is},
                                              {"in fp64", at::kDouble, as_it_is},
                                              {"transposed in memory", at::kFloat, transposed_in_memory},
                                              {"spread in memory", at::kFloat, spread_in_memory},
                                              {"in bf16, transposed", at::kBFloat16, transposed_in_memory}}};

double parabola(const std::vector<Parameter>& parameters) {
  double sum = 0;
  for (const Parameter& parameter : parameters) {
    sum += (parameter.value - 0.5).square().sum(at::kDouble).item<double>();
  }
  return sum;
}

}  // namespace

void updates_are_deterministic(const Subject& subject) {
  OptimizerTrial first(subject), second(subject);
  for (std::int64_t step = 0; step < 3; ++step) {
    first.step(subject, step);
    second.step(subject, step);
    expect(same_bits(first.all(), second.all()),
           "two optimizers that saw the same differ after update " + std::to_string(step));
  }
}

void multiplies_by_the_gradient_scale(const Subject& subject) {
  OptimizerTrial scaled(subject), plain(subject);
  constexpr std::array<double, 4> kScales{1, 0.25, 4, 0.3};
  for (std::size_t i = 0; i < kScales.size(); ++i) {
    const auto step = static_cast<std::int64_t>(i);
    const Tensors gradients = some_gradients(subject, scaled.parameters, step);
    const Tensors products = multiplied(gradients, kScales[i]);
    scaled.step({step, kRate, kScales[i], gradients});
    plain.step({step, kRate, 1, products});
    expect_same_update(values_of(scaled.parameters), values_of(plain.parameters),
                       "with gradient_scale " + text_of(kScales[i]) +
                           " it does not update as with gradients that were multiplied before");
  }
}

void accepts_any_gradient(const Subject& subject) {
  for (const GradientForm& form : kForms) {
    OptimizerTrial formed(subject), plain(subject);
    for (std::int64_t step = 0; step < 2; ++step) {
      note(std::string("gradients ") + form.name);
      Tensors gradients = some_gradients(subject, formed.parameters, step, form.dtype);
      Tensors floats;
      for (at::Tensor& gradient : gradients) {
        floats.push_back(gradient.to(at::kFloat).clone());
        gradient = form.lay(gradient);
      }
      const Tensors before = copies_of(gradients);
      formed.step({step, kRate, 0.5, gradients});
      plain.step({step, kRate, 0.5, floats});
      expect(same_bits(gradients, before), std::string("it changed gradients ") + form.name);
    }
    expect_same_update(
        values_of(formed.parameters), values_of(plain.parameters),
        std::string("with gradients ") + form.name + " it does not update as with the same numbers in fp32");
  }
}

void changes_only_its_parameters(const Subject& subject) {
  const Guarded guarded(some_parameters(subject));
  const std::vector<Parameter> before = copies_of(guarded.parameters);
  OptimizerTrial trial(subject, guarded.parameters);
  expect(same_bits(values_of(guarded.parameters), values_of(before)), "attach() changed a parameter");
  for (std::int64_t step = 0; step < 3; ++step) trial.step(subject, step);
  expect(guarded.untouched(), "memory beside a parameter was changed");
  for (std::size_t i = 0; i < before.size(); ++i) {
    expect(!same_bits(guarded.parameters[i].value, before[i].value),
           "three updates did not change " + before[i].name + " in place");
  }
}

void leaves_parameters_without_gradient(const Subject& subject) {
  OptimizerTrial trial(subject);
  const std::vector<Parameter> before = copies_of(trial.parameters);
  const Tensors zeros = multiplied(values_of(before), 0);
  for (std::int64_t step = 0; step < 3; ++step) trial.step({step, kRate, 1, zeros});
  expect(all_finite(trial.all()), "zero gradients make numbers that are not finite");
  for (std::size_t i = 0; i < before.size(); ++i) {
    const at::Tensor &was = before[i].value, is = trial.parameters[i].value;
    if (!before[i].decay) {
      expect(distance(is, was) <= 1e-6, "zero gradients move " + before[i].name + ", which has no decay");
      continue;
    }
    expect((is * was).ge(0).all().item<bool>() && is.abs().le(was.abs() * (1 + 1e-6)).all().item<bool>(),
           "zero gradients move " + before[i].name + " by something else than decay towards zero");
  }
}

void stands_still_at_rate_zero(const Subject& subject) {
  OptimizerTrial trial(subject);
  const std::vector<Parameter> before = copies_of(trial.parameters);
  const Tensors gradients = some_gradients(subject, trial.parameters, 0);
  trial.step({0, 0, 1, gradients});
  for (std::size_t i = 0; i < before.size(); ++i) {
    expect(distance(trial.parameters[i].value, before[i].value) == 0,
           "a first update at learning rate 0 changes " + before[i].name);
  }
}

void descends(const Subject& subject) {
  OptimizerTrial trial(subject);
  const double before = parabola(trial.parameters);
  for (std::int64_t step = 0; step < 100; ++step) {
    Tensors gradients;
    for (const Parameter& parameter : trial.parameters) gradients.push_back(parameter.value - 0.5);
    trial.step({step, kRate, 1, gradients});
  }
  const double after = parabola(trial.parameters);
  expect(after < 0.9 * before, "a hundred updates at rate 0.01 take the sum of squares from " +
                                   text_of(before) + " to " + text_of(after));
}

void survives_extreme_gradients(const Subject& subject) {
  OptimizerTrial trial(subject);
  std::int64_t step = 0;
  for (const double size : {1e-25, 1e15, 1e-25}) {
    const Tensors gradients = multiplied(some_gradients(subject, trial.parameters, 0), size);
    for (int i = 0; i < 50; ++i) trial.step({step++, kRate, 1, gradients});
    expect(all_finite(values_of(trial.parameters)),
           "fifty updates with gradients of " + text_of(size) + " make a parameter that is not finite");
  }
}

void has_a_schedule(const Subject& subject) {
  const OptimizerTrial trial(subject);
  Schedule& schedule = trial.optimizer->schedule();
  schedule.plan(1'000'000);
  expect(&trial.optimizer->schedule() == &schedule, "schedule() is another one the second time");
  for (const std::int64_t step : {0, 1, 500, 999'999}) {
    const double rate = schedule.at(step);
    expect(std::isfinite(rate) && rate >= 0,
           "the rate of update " + std::to_string(step) + " is " + text_of(rate));
  }
}

}  // namespace easylm::exam
