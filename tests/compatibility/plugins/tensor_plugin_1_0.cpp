// A plugin of API 1.0 with tensors, compiled with the headers of 1.0 only: plain gradient descent.
#include <memory>
#include <vector>

#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/optimizer.h"

namespace {

class Descent : public easylm::Optimizer {
 public:
  struct Config {
    easylm::Table schedule;
    static void describe(easylm::Schema<Config>& s) {
      s.component("schedule", "schedule", &Config::schedule, "learning rate as a function of the step");
    }
  };
  Descent(easylm::Host& host, const Config& config)
      : schedule_(host.make<easylm::Schedule>(config.schedule)) {}

  void attach(std::span<const easylm::Parameter> parameters) override {
    for (const easylm::Parameter& parameter : parameters) {
      parameters_.push_back(parameter);
      sums_.push_back(easylm::aten::zeros(parameter.value.sizes()));
    }
  }
  void step(const easylm::StepContext& context) override {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const at::Tensor gradient = context.gradients[i].mul(context.gradient_scale);
      sums_[i].add_(gradient);
      parameters_[i].value.sub_(gradient.mul(context.learning_rate));
    }
  }
  void state(easylm::StateVisitor& visitor) override {
    for (std::size_t i = 0; i < parameters_.size(); ++i) visitor.tensor(parameters_[i].name, "sum", sums_[i]);
  }
  easylm::Schedule& schedule() override { return *schedule_; }
  easylm::ReductionNeeds needs() const override { return easylm::ReductionNeeds::none; }

 private:
  std::shared_ptr<easylm::Schedule> schedule_;
  std::vector<easylm::Parameter> parameters_;
  std::vector<at::Tensor> sums_;
};

}  // namespace

EASYLM_PLUGIN("tensor-plugin-of-1-0", "1.0.0") {
  registrar.component<Descent>("descent", "Gradient descent.");
}
