// One update of all parameters.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "easylm/component.h"
#include "easylm/element_update.h"
#include "easylm/schedule.h"
#include "easylm/tensor/model.h"

namespace easylm {

struct StepContext {
  std::int64_t step = 0;                  // number of this update, from 0
  double learning_rate = 0;               // schedule().at(step), unless the stage decides otherwise
  double gradient_scale = 1;              // multiply gradients by this: clipping and averaging in one factor
  std::span<const at::Tensor> gradients;  // one per attached parameter, same shape, any float dtype and
                                          // strides; never changed
};

// Sees every state tensor by parameter name and role ("exp_avg"), in a stable order; may read it or write
// into it.
class EASYLM_API StateVisitor {
 public:
  virtual ~StateVisitor();
  virtual void tensor(std::string_view parameter, std::string_view role, at::Tensor& value) = 0;
};

// What an optimizer needs from other ranks when it holds only shards.
enum class ReductionNeeds { none, parameter_sums, whole_matrices };

class EASYLM_API Optimizer : public Component {
 public:
  static constexpr std::string_view kKind = "optimizer";
  static constexpr std::string_view kInterface = "easylm.optimizer/1";
  ~Optimizer() override;

  // Takes the parameters that step() will change (fp32 master weights; local shards under sharding) and makes
  // its state. Called once. [setup]
  virtual void attach(std::span<const Parameter> parameters) = 0;

  // Changes every parameter in place. Deterministic. [train-loop]
  virtual void step(const StepContext& context) = 0;

  virtual void state(StateVisitor& visitor) = 0;

  virtual Schedule& schedule() = 0;

  virtual ReductionNeeds needs() const = 0;
};

// (extension of Optimizer, since API 1.1) The update of a single element in plain double arithmetic: what an
// exam holds step() against. For optimizers whose update of an element depends on that element alone.
class EASYLM_API OptimizerFormula {
 public:
  static constexpr std::string_view kInterface = "easylm.optimizer.formula/1";
  virtual ~OptimizerFormula();

  // The element's new value. `state` is the element's own, one number a role, in the order in which
  // Optimizer::state visits the roles; changed in place, and not rounded to the type that step() keeps it in.
  // [any-thread]
  virtual double update(double element, const ElementUpdate& update, std::span<double> state) const = 0;
};

}  // namespace easylm
