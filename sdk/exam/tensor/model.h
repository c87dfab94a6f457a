// The tests of easylm.model/1, by the file that holds them.
#pragma once

#include "exam.h"

namespace easylm::exam {

// model_parameters.cpp: what it says of itself, and its parameters.
void names_its_parameters(const Subject& subject);
void counts_its_parameters(const Subject& subject);
void tells_the_facts(const Subject& subject);
void ties_its_head_as_it_says(const Subject& subject);
void materialises_as_asked(const Subject& subject);
void initialises_by_the_seed(const Subject& subject);
void follows_its_parameters(const Subject& subject);
void counts_its_work(const Subject& subject);
void rebuilds_from_its_config(const Subject& subject);

// model_passes.cpp: what a forward pass gives.
void computes_in_its_dtype(const Subject& subject);
void keeps_batch_rows_apart(const Subject& subject);
void is_causal(const Subject& subject);
void keeps_documents_apart(const Subject& subject);
void follows_positions(const Subject& subject);
void decodes_with_a_cache(const Subject& subject);
void infers_in_many_threads(const Subject& subject);
void names_its_products(const Subject& subject);

// model_gradients.cpp: how it trains.
void has_true_gradients(const Subject& subject);
void trains_every_parameter(const Subject& subject);
void recomputes_exactly(const Subject& subject);

}  // namespace easylm::exam
