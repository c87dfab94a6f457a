// The exam of easylm.optimizer/1.
#include "optimizer.h"

#include <array>

#include "optimizer_trial.h"
#include "suites.h"

namespace easylm::exam {
namespace {

void use(const Subject& subject) {
  OptimizerTrial trial(subject);
  for (std::int64_t step = 0; step < 2; ++step) trial.step(subject, step);
  (void)trial.all();
}

constexpr std::array kTests{
    Test{"follows_its_formula", "step() does what OptimizerFormula::update says of each element",
         follows_its_formula},
    Test{"state_is_all", "state() shows everything that the next update depends on", state_is_all},
    Test{"state_is_stable", "state() has one order, a name for each tensor, and the tensors themselves",
         state_is_stable},
    Test{"takes_any_step_number", "the number of an update is the context's, whatever it is",
         takes_any_step_number},
    Test{"works_in_shards", "shards of the kind that needs() allows are updated as the whole is",
         works_in_shards},
    Test{"is_deterministic", "the same updates give the same bits", updates_are_deterministic},
    Test{"multiplies_by_the_gradient_scale", "gradients are multiplied by gradient_scale first",
         multiplies_by_the_gradient_scale},
    Test{"accepts_any_gradient", "gradients are of any float dtype and layout, and read only",
         accepts_any_gradient},
    Test{"changes_only_its_parameters", "step() changes every parameter, in place, and no other memory",
         changes_only_its_parameters},
    Test{"leaves_parameters_without_gradient", "with zero gradients a parameter shrinks by its decay at most",
         leaves_parameters_without_gradient},
    Test{"stands_still_at_rate_zero", "a first update at learning rate 0 changes no parameter",
         stands_still_at_rate_zero},
    Test{"descends", "a hundred updates go down a parabola", descends},
    Test{"survives_extreme_gradients", "no gradient between 1e-25 and 1e15 makes a parameter infinite",
         survives_extreme_gradients},
    Test{"has_a_schedule", "schedule() is one and the same, and gives usable rates", has_a_schedule},
};

}  // namespace

Suite optimizer_suite() { return {Optimizer::kKind, Optimizer::kInterface, kTests, use}; }

}  // namespace easylm::exam
