// Muon (Jordan et al. 2024): the momentum of a matrix is made orthogonal before it is taken as the update.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/optimizer.h"

namespace {

using namespace easylm;

// Of the rest, as of AdamW in Muon's own recipe.
constexpr double kB1 = 0.9, kB2 = 0.95, kEpsilon = 1e-10;

// A matrix that maps activations to activations: no table that is indexed by tokens or positions, nor the
// head.
bool is_inner_matrix(const Parameter& parameter) {
  if (parameter.value.dim() != 2) return false;
  for (const char* part : {"embed", "wte", "wpe", "lm_head"}) {
    if (parameter.name.find(part) != std::string::npos) return false;
  }
  return true;
}

// A matrix with the singular vectors of `x`, and singular values near 1: five steps of a Newton-Schulz
// iteration whose polynomial rises as steeply at 0 as one can that stays near 1.
at::Tensor orthogonalised(const at::Tensor& x) {
  if (x.size(0) > x.size(1)) return orthogonalised(x.t()).t();
  at::Tensor y = x / (x.norm() + 1e-7);
  for (int i = 0; i < 5; ++i) {
    const at::Tensor square = y.matmul(y.t());
    y = y * 3.4445 + (square * -4.7750 + square.matmul(square) * 2.0315).matmul(y);
  }
  return y;
}

class Muon final : public Optimizer {
 public:
  struct Config {
    Table schedule;
    double momentum = 0.95;
    double weight_decay = 0.01;
    double others_rate = 0.05;

    static void describe(Schema<Config>& s) {
      s.component("schedule", "schedule", &Config::schedule, "learning rate of the matrices, often near 0.02")
          .required();
      s.field("momentum", &Config::momentum, "decay of the matrices' momentum").at_least(0).at_most(1);
      s.field("weight_decay", &Config::weight_decay,
              "decoupled weight decay, times the learning rate; norms and biases are left out")
          .at_least(0);
      s.field("others_rate", &Config::others_rate,
              "learning rate of embeddings, head, norms and biases, which AdamW updates, as a share of the "
              "matrices'")
          .at_least(0);
      s.fact("state_bytes_per_parameter", "8");  // 4 of the matrices
    }
  };

  Muon(Host& host, const Config& config) : config_(config), schedule_(host.make<Schedule>(config.schedule)) {}

  void attach(std::span<const Parameter> parameters) override {
    for (const Parameter& parameter : parameters) {
      const auto zeros = [&] { return aten::zeros(parameter.value.sizes(), parameter.value.options()); };
      const bool is_matrix = is_inner_matrix(parameter);
      slots_.push_back({parameter, is_matrix, zeros(), is_matrix ? at::Tensor() : zeros()});
    }
  }

  void step(const StepContext& context) override {
    EASYLM_CHECK(context.gradients.size() == slots_.size(), "one gradient per attached parameter");
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      const at::Tensor gradient = context.gradients[i].to(at::kFloat) * context.gradient_scale;
      const at::Tensor update = slot.is_matrix ? muon(slot, gradient) : adamw(slot, gradient, context.step);
      const double rate = context.learning_rate * (slot.is_matrix ? 1 : config_.others_rate);
      const double decay = slot.parameter.decay ? config_.weight_decay : 0;
      slot.parameter.value.mul_(1 - rate * decay).sub_(update, rate);
    }
  }

  void state(StateVisitor& visitor) override {
    for (Slot& slot : slots_) {
      visitor.tensor(slot.parameter.name, "exp_avg", slot.first);
      if (!slot.is_matrix) visitor.tensor(slot.parameter.name, "exp_avg_sq", slot.second);
    }
  }

  Schedule& schedule() override { return *schedule_; }

  ReductionNeeds needs() const override { return ReductionNeeds::whole_matrices; }

 private:
  struct Slot {
    Parameter parameter;
    bool is_matrix = false;
    at::Tensor first, second;  // moments; a matrix has no second one
  };

  at::Tensor muon(Slot& slot, const at::Tensor& gradient) const {
    slot.first.lerp_(gradient, 1 - config_.momentum);
    const at::Tensor nesterov = gradient.lerp(slot.first, config_.momentum);
    const auto rows = static_cast<double>(gradient.size(0)), columns = static_cast<double>(gradient.size(1));
    return orthogonalised(nesterov) * std::sqrt(std::max(1.0, rows / columns));
  }

  static at::Tensor adamw(Slot& slot, const at::Tensor& gradient, std::int64_t step) {
    slot.first.lerp_(gradient, 1 - kB1);
    slot.second.lerp_(gradient.square(), 1 - kB2);
    const auto updates = static_cast<double>(step + 1);
    const at::Tensor first = slot.first / (1 - std::pow(kB1, updates));
    const at::Tensor second = slot.second / (1 - std::pow(kB2, updates));
    return first / (second.sqrt() + kEpsilon);
  }

  Config config_;
  std::shared_ptr<Schedule> schedule_;
  std::vector<Slot> slots_;
};

}  // namespace

EASYLM_PLUGIN("example-optimizer-muon", "1.0.0") {
  registrar.component<Muon>("muon", "Muon for the matrices inside of the model, AdamW for all the rest.");
}
