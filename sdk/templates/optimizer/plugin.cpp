// Gradient descent with momentum. Replace step() by your own rule.
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/optimizer.h"
using namespace easylm;

struct @Name@ : Optimizer {
  struct Config {
    Table schedule{"constant", {{"value", {1e-2, {}}}}};
    double momentum = 0.9;
    static void describe(Schema<Config>& s) {
      s.component("schedule", "schedule", &Config::schedule, "the learning rate");
      s.field("momentum", &Config::momentum, "how much of the last update stays").at_least(0).at_most(1);
    }
  };
  @Name@(Host& host, const Config& c) : momentum_(c.momentum), schedule_(host.make<Schedule>(c.schedule)) {}

  void attach(std::span<const Parameter> parameters) override {
    for (const Parameter& p : parameters) slots_.emplace_back(p, p.value.detach().clone().zero_());
  }
  void step(const StepContext& context) override {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      auto& [parameter, velocity] = slots_[i];
      velocity.mul_(momentum_).add_(context.gradients[i], context.gradient_scale);
      parameter.value.sub_(velocity, context.learning_rate);
    }
  }
  void state(StateVisitor& visitor) override {
    for (auto& [parameter, velocity] : slots_) visitor.tensor(parameter.name, "velocity", velocity);
  }
  Schedule& schedule() override { return *schedule_; }
  ReductionNeeds needs() const override { return ReductionNeeds::none; }

  double momentum_;
  std::shared_ptr<Schedule> schedule_;
  std::vector<std::pair<Parameter, at::Tensor>> slots_;
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "Gradient descent with momentum."); }
