// AdamW as EasyLM defines it: bias corrected, with decoupled weight decay; or parameter-scaled Adafactor.

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/sdk/plugin.h"
#include "easylm/tensor/adafactor.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/optimizer.h"
#include "easylm/tensor/simd.h"

namespace easylm {
namespace {

// EasyLM's default schedule.
Table default_schedule() {
  Table table;
  table.type = "warmup_cosine";
  table.set("initial", {0.0, {}});
  table.set("peak", {0.01, {}});
  table.set("end", {0.001, {}});
  table.set("warmup_steps", {std::int64_t{2000}, {}});
  table.set("total_steps", {std::int64_t{500000}, {}});
  return table;
}

struct Coefficients {
  float gradient_scale, epsilon;
  float b1, rest1, b2, rest2;  // a decay and what is left of one, which fp32 can't take from 1 exactly
  float step;                  // learning rate over the first moment's bias correction
  float second_root;           // 1 / sqrt of the second moment's bias correction
  float decay;                 // share of the parameter that weight decay takes off
};

EASYLM_SIMD void sweep(float* __restrict__ p, const float* __restrict__ g, float* __restrict__ m,
                       float* __restrict__ v, std::int64_t size, const Coefficients& c) {
  for (std::int64_t i = 0; i < size; ++i) {
    const float gradient = g[i] * c.gradient_scale;
    m[i] = c.b1 * m[i] + c.rest1 * gradient;
    v[i] = c.b2 * v[i] + c.rest2 * (gradient * gradient);
    p[i] -= c.step * m[i] / (std::sqrt(v[i]) * c.second_root + c.epsilon) + c.decay * p[i];
  }
}

// The same with LibTorch's operators, for other devices.
void update_by_operators(const UpdateTensors& tensors, const Coefficients& c) {
  const at::Tensor gradient = tensors.gradient.to(at::kFloat) * c.gradient_scale;
  const at::Tensor first = tensors.first.to(at::kFloat) * c.b1 + gradient * c.rest1;
  tensors.first.copy_(first);
  tensors.second.mul_(c.b2).addcmul_(gradient, gradient, c.rest2);
  const at::Tensor root = tensors.second.sqrt().mul_(c.second_root).add_(c.epsilon);
  tensors.parameter.sub_(first / root * c.step + tensors.parameter * c.decay);
}

class AdamW : public Optimizer, public OptimizerFormula {
 public:
  using Optimizer::kInterface;

  struct Config {
    Table schedule = default_schedule();
    double b1 = 0.9;
    double b2 = 0.95;
    double eps = 1e-8;
    double weight_decay = 1e-4;
    bool bf16_momentum = false;
    bool multiply_by_parameter_scale = false;

    static void describe(Schema<Config>& s) {
      s.component("schedule", "schedule", &Config::schedule, "learning rate as a function of the step");
      s.field("b1", &Config::b1, "decay of the first moment").at_least(0).at_most(1);
      s.field(
           "b2", &Config::b2,
           "decay of the second moment; with multiply_by_parameter_scale the exponent of its decay schedule")
          .at_least(0)
          .at_most(1);
      s.field("eps", &Config::eps, "added to the root of the second moment").above(0);
      s.field("weight_decay", &Config::weight_decay,
              "decoupled weight decay, times the learning rate; norms and biases are left out")
          .at_least(0);
      s.field("bf16_momentum", &Config::bf16_momentum, "keep the first moment in bf16");
      s.field("multiply_by_parameter_scale", &Config::multiply_by_parameter_scale,
              "Adafactor without factoring: updates are scaled by each parameter's root mean square");
      s.fact("state_bytes_per_parameter", "8 - 2 * bf16_momentum");
    }
  };

  AdamW(Host& host, Config config) : config_(std::move(config)) {
    schedule_ = host.make<Schedule>(config_.schedule);
  }

  void attach(std::span<const Parameter> parameters) override {
    slots_ = make_moments(parameters, config_.bf16_momentum ? at::kBFloat16 : at::kFloat);
  }

  void step(const StepContext& context) override {
    EASYLM_CHECK(context.gradients.size() == slots_.size(), "one gradient per attached parameter");
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      MomentSlot& slot = slots_[i];
      const UpdateTensors tensors = {slot.parameter.value, context.gradients[i], slot.first, slot.second};
      const double decay = slot.parameter.decay ? config_.weight_decay * context.learning_rate : 0;
      if (config_.multiply_by_parameter_scale) {
        adafactor_update(tensors, {context.step, context.learning_rate, context.gradient_scale, config_.b1,
                                   config_.b2, decay});
      } else {
        update_tensors(tensors, coefficients(context, decay));
      }
    }
  }

  void state(StateVisitor& visitor) override { visit_moments(slots_, visitor); }

  Schedule& schedule() override { return *schedule_; }

  void* extension(std::string_view id) override {
    if (id != OptimizerFormula::kInterface || config_.multiply_by_parameter_scale) return nullptr;
    return static_cast<OptimizerFormula*>(this);
  }

  double update(double element, const ElementUpdate& update, std::span<double> state) const override {
    const auto updates = static_cast<double>(update.step + 1);
    double& first = state[0];
    double& second = state[1];
    first = config_.b1 * first + (1 - config_.b1) * update.gradient;
    second = config_.b2 * second + (1 - config_.b2) * update.gradient * update.gradient;
    const double corrected_first = first / (1 - std::pow(config_.b1, updates));
    const double corrected_second = second / (1 - std::pow(config_.b2, updates));
    const double decay = update.decay ? config_.weight_decay : 0;
    return element - update.learning_rate *
                         (corrected_first / (std::sqrt(corrected_second) + config_.eps) + decay * element);
  }

  ReductionNeeds needs() const override {
    return config_.multiply_by_parameter_scale ? ReductionNeeds::parameter_sums : ReductionNeeds::none;
  }

 private:
  Coefficients coefficients(const StepContext& context, double decay) const {
    const auto updates = static_cast<double>(context.step + 1);
    const double first_correction = 1 - std::pow(config_.b1, updates);
    const double second_correction = 1 - std::pow(config_.b2, updates);
    return {static_cast<float>(context.gradient_scale),
            static_cast<float>(config_.eps),
            static_cast<float>(config_.b1),
            static_cast<float>(1 - config_.b1),
            static_cast<float>(config_.b2),
            static_cast<float>(1 - config_.b2),
            static_cast<float>(context.learning_rate / first_correction),
            static_cast<float>(1 / std::sqrt(second_correction)),
            static_cast<float>(decay)};
  }

  static void update_tensors(const UpdateTensors& tensors, const Coefficients& c) {
    if (!tensors.parameter.is_cpu()) return update_by_operators(tensors, c);
    update_by_blocks(tensors, [&c](const UpdateBlock& block) {
      sweep(block.parameter, block.gradient, block.first, block.second, block.size, c);
    });
  }

  Config config_;
  std::shared_ptr<Schedule> schedule_;
  std::vector<MomentSlot> slots_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-optimizer-adamw", "0.1.0") {
  registrar.component<easylm::AdamW>("adamw", "AdamW with decoupled weight decay, as EasyLM defines it.");
}
