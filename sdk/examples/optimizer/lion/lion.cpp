// Lion (Chen et al. 2023): every element moves by the learning rate, in the direction that the momentum and
// the gradient agree on.
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/optimizer.h"

namespace {

using namespace easylm;

class Lion final : public Optimizer, public OptimizerFormula {
 public:
  using Optimizer::kInterface;

  struct Config {
    Table schedule;
    double b1 = 0.9;
    double b2 = 0.99;
    double weight_decay = 0.1;

    static void describe(Schema<Config>& s) {
      s.component("schedule", "schedule", &Config::schedule,
                  "learning rate as a function of the step; a third to a tenth of AdamW's")
          .required();
      s.field("b1", &Config::b1, "share of the momentum in the direction").at_least(0).at_most(1);
      s.field("b2", &Config::b2, "decay of the momentum").at_least(0).at_most(1);
      s.field("weight_decay", &Config::weight_decay,
              "decoupled weight decay, times the learning rate; norms and biases are left out")
          .at_least(0);
      s.fact("state_bytes_per_parameter", "4");
    }
  };

  Lion(Host& host, const Config& config) : config_(config), schedule_(host.make<Schedule>(config.schedule)) {}

  void attach(std::span<const Parameter> parameters) override {
    for (const Parameter& parameter : parameters) {
      slots_.push_back({parameter, aten::zeros(parameter.value.sizes(), parameter.value.options())});
    }
  }

  void step(const StepContext& context) override {
    EASYLM_CHECK(context.gradients.size() == slots_.size(), "one gradient per attached parameter");
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      auto& [parameter, momentum] = slots_[i];
      const at::Tensor gradient = context.gradients[i].to(at::kFloat) * context.gradient_scale;
      const at::Tensor direction = momentum.lerp(gradient, 1 - config_.b1).sign();
      const double decay = parameter.decay ? config_.weight_decay : 0;
      parameter.value.mul_(1 - context.learning_rate * decay).sub_(direction, context.learning_rate);
      momentum.lerp_(gradient, 1 - config_.b2);
    }
  }

  // The same for one element, which the exam holds step() against.
  double update(double element, const ElementUpdate& update, std::span<double> state) const override {
    double& momentum = state[0];
    const double blend = config_.b1 * momentum + (1 - config_.b1) * update.gradient;
    const double direction = blend > 0 ? 1 : blend < 0 ? -1 : 0;
    momentum = config_.b2 * momentum + (1 - config_.b2) * update.gradient;
    const double decay = update.decay ? config_.weight_decay : 0;
    return element - update.learning_rate * (direction + decay * element);
  }

  void state(StateVisitor& visitor) override {
    for (auto& [parameter, momentum] : slots_) visitor.tensor(parameter.name, "exp_avg", momentum);
  }

  Schedule& schedule() override { return *schedule_; }

  ReductionNeeds needs() const override { return ReductionNeeds::none; }

  void* extension(std::string_view id) override {
    return id == OptimizerFormula::kInterface ? static_cast<OptimizerFormula*>(this) : nullptr;
  }

 private:
  struct Slot {
    Parameter parameter;
    at::Tensor momentum;
  };

  Config config_;
  std::shared_ptr<Schedule> schedule_;
  std::vector<Slot> slots_;
};

}  // namespace

EASYLM_PLUGIN("example-optimizer-lion", "1.0.0") {
  registrar.component<Lion>("lion",
                            "Lion: the sign of an interpolated momentum, with decoupled weight decay.");
}
