// The tests of easylm.attention/1, by the file that holds them.
#pragma once

#include "exam.h"

namespace easylm::exam {

// attention_formula.cpp: against the formula.
void follows_the_formula(const Subject& subject);
void has_the_formulas_gradients(const Subject& subject);
void gives_the_log_sum_exp(const Subject& subject);
void gives_blind_queries_nothing(const Subject& subject);
void says_what_it_serves(const Subject& subject);

// attention_calls.cpp: against its own answers to other calls.
void reads_any_strides(const Subject& subject);
void is_deterministic(const Subject& subject);
void serves_many_threads(const Subject& subject);
void leaves_inputs_alone(const Subject& subject);
void keeps_rows_apart(const Subject& subject);
void ignores_unseen_keys(const Subject& subject);
void survives_extreme_logits(const Subject& subject);
void drops_by_its_seed(const Subject& subject);

}  // namespace easylm::exam
