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

// attention_varlen.cpp: VarlenAttention, if it is offered.
void attends_by_sequence(const Subject& subject);
void keeps_sequences_apart(const Subject& subject);
void refuses_bad_starts(const Subject& subject);

// attention_paged.cpp: PagedAttention, if it is offered.
void reads_pages(const Subject& subject);
void ignores_unused_slots(const Subject& subject);
void refuses_missing_pages(const Subject& subject);

// attention_layer.cpp: BlockwiseLayer, if it is offered.
void layers_equal_their_pieces(const Subject& subject);
void layers_give_what_is_asked_for(const Subject& subject);
void layers_come_in_chunks(const Subject& subject);
void layers_stay_small(const Subject& subject);
void layers_are_deterministic(const Subject& subject);
void layers_can_be_recomputed(const Subject& subject);

}  // namespace easylm::exam
