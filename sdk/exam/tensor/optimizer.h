// The tests of easylm.optimizer/1, by the file that holds them.
#pragma once

#include "exam.h"

namespace easylm::exam {

// optimizer_state.cpp: what an optimizer remembers.
void follows_its_formula(const Subject& subject);
void state_is_all(const Subject& subject);
void state_is_stable(const Subject& subject);
void takes_any_step_number(const Subject& subject);
void works_in_shards(const Subject& subject);

// optimizer_updates.cpp: what an update does.
void updates_are_deterministic(const Subject& subject);
void multiplies_by_the_gradient_scale(const Subject& subject);
void accepts_any_gradient(const Subject& subject);
void changes_only_its_parameters(const Subject& subject);
void leaves_parameters_without_gradient(const Subject& subject);
void stands_still_at_rate_zero(const Subject& subject);
void descends(const Subject& subject);
void survives_extreme_gradients(const Subject& subject);
void has_a_schedule(const Subject& subject);

}  // namespace easylm::exam
