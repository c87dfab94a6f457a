// Optimizers that each break one rule. A component is called like the test that must find it.
#include <atomic>
#include <cmath>
#include <vector>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/optimizer.h"

namespace easylm {
namespace {

struct Flat : Schedule {
  double at(std::int64_t /*step*/) const override { return 1e-2; }
};

struct Falling : Schedule {
  double at(std::int64_t step) const override { return 1e-2 - 1e-3 * static_cast<double>(step); }
};

// What the others break a rule of: momentum and decoupled decay.
class Good : public Optimizer {
 public:
  struct Config {
    static void describe(Schema<Config>&) {}
  };
  Good(Host& /*host*/, const Config& /*config*/) {}

  void attach(std::span<const Parameter> parameters) override {
    for (const Parameter& parameter : parameters) {
      slots_.push_back({parameter, aten::zeros(parameter.value.sizes())});
    }
  }

  void step(const StepContext& context) override {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      update(slots_[i], context.gradients[i].to(at::kFloat) * context.gradient_scale, context);
    }
  }

  void state(StateVisitor& visitor) override {
    for (Slot& slot : slots_) visitor.tensor(slot.parameter.name, "momentum", slot.momentum);
  }

  Schedule& schedule() override { return schedule_; }
  ReductionNeeds needs() const override { return ReductionNeeds::none; }

 protected:
  struct Slot {
    Parameter parameter;
    at::Tensor momentum;
  };

  virtual void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) {
    slot.momentum.mul_(0.9).add_(gradient);
    const double decay = slot.parameter.decay ? 0.1 : 0;
    const at::Tensor& value = slot.parameter.value;
    value.sub_((slot.momentum + value * decay) * context.learning_rate);
  }

  std::vector<Slot> slots_;
  Flat schedule_;
};

struct WrongFormula : Good, OptimizerFormula {
  using Good::Good, Optimizer::kInterface;
  void* extension(std::string_view id) override {
    return id == OptimizerFormula::kInterface ? static_cast<OptimizerFormula*>(this) : nullptr;
  }
  double update(double element, const ElementUpdate& update, std::span<double> state) const override {
    state[0] = 0.9 * state[0] + update.gradient;
    return element - update.learning_rate * (state[0] + 0.1 * element);  // norms, too
  }
  using Good::update;
};

struct HiddenState : Good {
  using Good::Good;
  void state(StateVisitor& /*visitor*/) override {}
};

struct HiddenCounter : Good {
  using Good::Good;
  void step(const StepContext& context) override {
    StepContext mine = context;
    mine.learning_rate /= 1 + 0.1 * static_cast<double>(calls_++);
    Good::step(mine);
  }
  std::int64_t calls_ = 0;
};

struct TwoOfAName : Good {
  using Good::Good;
  void state(StateVisitor& visitor) override {
    Good::state(visitor);
    Good::state(visitor);
  }
};

struct TurnsAround : Good {
  using Good::Good;
  void state(StateVisitor& visitor) override {
    if (++calls_ % 2 == 1) return Good::state(visitor);
    for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) {
      visitor.tensor(slot->parameter.name, "momentum", slot->momentum);
    }
  }
  int calls_ = 0;
};

struct ShowsCopies : Good {
  using Good::Good;
  void state(StateVisitor& visitor) override {
    for (const Slot& slot : slots_) {
      at::Tensor copy = slot.momentum.clone();
      visitor.tensor(slot.parameter.name, "momentum", copy);
    }
  }
};

struct Counts : Good {
  using Good::Good;
  void step(const StepContext& context) override {
    if (context.step > 100) throw Error(ErrorCode::internal, "more than a hundred updates");
    Good::step(context);
  }
};

struct Normalises : Good {
  using Good::Good;
  void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) override {
    Good::update(slot, gradient / gradient.norm().clamp_min(1e-20), context);
  }
};

struct Couples : Good {
  using Good::Good;
  ReductionNeeds needs() const override { return ReductionNeeds::parameter_sums; }
  void step(const StepContext& context) override {
    StepContext mine = context;
    mine.learning_rate /= static_cast<double>(slots_.size());
    Good::step(mine);
  }
};

struct Trembles : Good {
  using Good::Good;
  void step(const StepContext& context) override {
    static std::atomic<int> steps{0};
    StepContext mine = context;
    mine.learning_rate *= 1 + 1e-4 * ++steps;
    Good::step(mine);
  }
};

struct IgnoresScale : Good {
  using Good::Good;
  void step(const StepContext& context) override {
    StepContext mine = context;
    mine.gradient_scale = 1;
    Good::step(mine);
  }
};

struct ScalesInPlace : Good {
  using Good::Good;
  void step(const StepContext& context) override {
    for (const at::Tensor& gradient : context.gradients) gradient.mul_(context.gradient_scale);
    StepContext mine = context;
    mine.gradient_scale = 1;
    Good::step(mine);
  }
};

struct ReadsRaw : Good {
  using Good::Good;
  void step(const StepContext& context) override {
    std::vector<at::Tensor> raw;
    for (const at::Tensor& gradient : context.gradients) {
      const at::Tensor floats = gradient.to(at::kFloat);
      raw.push_back(floats.as_strided({floats.numel()}, {1}).view(floats.sizes()).clone());
    }
    StepContext mine = context;
    mine.gradients = raw;
    Good::step(mine);
  }
};

struct WritesBeyond : Good {
  using Good::Good;
  void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) override {
    Good::update(slot, gradient, context);
    const at::Tensor& value = slot.parameter.value;
    const std::int64_t room =
        static_cast<std::int64_t>(value.storage().nbytes() / 4) - value.storage_offset() - value.numel();
    if (room > 0) value.mutable_data_ptr<float>()[value.numel()] = 0;
  }
};

struct Moves : Good {
  using Good::Good;
  void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) override {
    slot.parameter.value = slot.parameter.value.clone();
    Good::update(slot, gradient, context);
  }
};

struct DecaysNorms : Good {
  using Good::Good;
  void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) override {
    Slot decayed{slot.parameter, slot.momentum};
    decayed.parameter.decay = true;
    Good::update(decayed, gradient, context);
  }
};

struct DividesByZero : Good {
  using Good::Good;
  void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) override {
    Good::update(slot, gradient * (gradient / gradient), context);
  }
};

struct Decays : Good {
  using Good::Good;
  void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) override {
    Good::update(slot, gradient, context);
    if (slot.parameter.decay) slot.parameter.value.mul_(0.999);
  }
};

struct Climbs : Good {
  using Good::Good;
  void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) override {
    Good::update(slot, gradient.neg(), context);
  }
};

struct Cubes : Good {
  using Good::Good;
  void update(Slot& slot, const at::Tensor& gradient, const StepContext& context) override {
    Good::update(slot, gradient + gradient * gradient * gradient * 1e-30, context);
  }
};

struct RunsBackwards : Good {
  using Good::Good;
  Schedule& schedule() override { return falling_; }
  Falling falling_;
};

struct ManySchedules : Good {
  using Good::Good;
  Schedule& schedule() override { return *schedules_.emplace_back(std::make_unique<Flat>()); }
  std::vector<std::unique_ptr<Flat>> schedules_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-optimizer", "1.0.0") {
  using namespace easylm;  // NOLINT(google-build-using-namespace): names of this file alone
  registrar.component<WrongFormula>("follows_its_formula", "States decay for norms, which it leaves out.");
  registrar.component<HiddenState>("state_is_all-hidden", "Shows nothing of its momentum.");
  registrar.component<HiddenCounter>("state_is_all-counter", "Counts its own updates.");
  registrar.component<TwoOfAName>("state_is_stable-names", "Shows every tensor twice.");
  registrar.component<TurnsAround>("state_is_stable-order", "Shows them from the other end at times.");
  registrar.component<ShowsCopies>("state_is_stable-copies", "Shows copies.");
  registrar.component<Counts>("takes_any_step_number", "Takes updates up to number 100.");
  registrar.component<Normalises>("works_in_shards", "Needs a parameter whole, and does not say so.");
  registrar.component<Couples>("works_in_shards-parameters", "Needs all parameters in one place.");
  registrar.component<Trembles>("is_deterministic", "Is a little faster every time.");
  registrar.component<IgnoresScale>("multiplies_by_the_gradient_scale", "Ignores the gradient's scale.");
  registrar.component<ScalesInPlace>("accepts_any_gradient", "Scales the gradients that it was given.");
  registrar.component<ReadsRaw>("accepts_any_gradient-raw", "Takes gradients to lie side by side.");
  registrar.component<WritesBeyond>("changes_only_its_parameters", "Writes one number too many.");
  registrar.component<Moves>("changes_only_its_parameters-moves", "Changes a copy.");
  registrar.component<DecaysNorms>("leaves_parameters_without_gradient", "Decays norms.");
  registrar.component<DividesByZero>("leaves_parameters_without_gradient-nan", "Divides by the gradient.");
  registrar.component<Decays>("stands_still_at_rate_zero", "Decays whatever the rate.");
  registrar.component<Climbs>("descends", "Goes up.");
  registrar.component<Cubes>("survives_extreme_gradients", "Takes the cube of gradients.");
  registrar.component<RunsBackwards>("has_a_schedule", "Has a rate below zero.");
  registrar.component<ManySchedules>("has_a_schedule-many", "Has another schedule every time.");
}
