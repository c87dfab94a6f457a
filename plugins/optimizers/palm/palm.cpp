// The PaLM recipe as EasyLM defines it: Adafactor without factoring, parameter scaled, with a weight decay
// that follows the square of the learning rate.
#include <memory>
#include <utility>
#include <vector>

#include "easylm/sdk/plugin.h"
#include "easylm/tensor/adafactor.h"
#include "easylm/tensor/optimizer.h"

namespace easylm {
namespace {

constexpr double kWeightDecayUnit = 1e-4;  // the weight decay at which the factor on lr² is 1

// EasyLM's default schedule, 1 / sqrt(max(step, 10000)).
Table default_schedule() {
  Table table;
  table.type = "inverse_sqrt";
  table.set("peak", {0.01, {}});
  table.set("warmup_steps", {std::int64_t{10000}, {}});
  return table;
}

class Palm : public Optimizer {
 public:
  struct Config {
    Table schedule = default_schedule();
    double b1 = 0.9;
    double b2 = 0.99;
    double weight_decay = 1e-4;
    bool bf16_momentum = false;

    static void describe(Schema<Config>& s) {
      s.component("schedule", "schedule", &Config::schedule, "learning rate as a function of the step");
      s.field("b1", &Config::b1, "decay of the momentum over the scaled updates").at_least(0).at_most(1);
      s.field("b2", &Config::b2, "exponent of the second moment's decay schedule, 1 - (step + 1)^-b2")
          .at_least(0)
          .at_most(1);
      s.field("weight_decay", &Config::weight_decay,
              "decoupled weight decay in units of 1e-4, times the square of the learning rate; norms and "
              "biases are left out")
          .at_least(0);
      s.field("bf16_momentum", &Config::bf16_momentum, "keep the momentum in bf16");
      s.fact("state_bytes_per_parameter", "8 - 2 * bf16_momentum");
    }
  };

  Palm(Host& host, Config config) : config_(std::move(config)) {
    schedule_ = host.make<Schedule>(config_.schedule);
  }

  void attach(std::span<const Parameter> parameters) override {
    slots_ = make_moments(parameters, config_.bf16_momentum ? at::kBFloat16 : at::kFloat);
  }

  void step(const StepContext& context) override {
    EASYLM_CHECK(context.gradients.size() == slots_.size(), "one gradient per attached parameter");
    const double rate = context.learning_rate;
    const double decay = config_.weight_decay / kWeightDecayUnit * rate * rate;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      MomentSlot& slot = slots_[i];
      adafactor_update({slot.parameter.value, context.gradients[i], slot.first, slot.second},
                       {context.step, rate, context.gradient_scale, config_.b1, config_.b2,
                        slot.parameter.decay ? decay : 0});
    }
  }

  void state(StateVisitor& visitor) override { visit_moments(slots_, visitor); }

  Schedule& schedule() override { return *schedule_; }

  ReductionNeeds needs() const override { return ReductionNeeds::parameter_sums; }

 private:
  Config config_;
  std::shared_ptr<Schedule> schedule_;
  std::vector<MomentSlot> slots_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-optimizer-palm", "0.1.0") {
  registrar.component<easylm::Palm>("palm", "Adafactor without factoring, as in EasyLM's PaLM recipe.");
}
