// The exam of easylm.attention/1.
#include "attention.h"

#include <array>

#include "attention_trial.h"
#include "suites.h"

namespace easylm::exam {
namespace {

void use(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  const AttentionCall call = call_of(subject, {.key_heads = 2, .shared = 2});
  if (!serves(*kernel, call)) return;
  (void)AttentionTrial(subject, *kernel, call);
}

constexpr std::array kTests{
    Test{"follows_the_formula", "forward() is softmax(scale q k^T) v over the keys that the mask shows",
         follows_the_formula},
    Test{"has_the_formulas_gradients", "forward() is differentiable in q, k and v",
         has_the_formulas_gradients},
    Test{"gives_the_log_sum_exp", "a wanted log-sum-exp is that of the scaled scores that are seen",
         gives_the_log_sum_exp},
    Test{"gives_blind_queries_nothing", "a query that sees no key gets zeros, and -inf as its log-sum-exp",
         gives_blind_queries_nothing},
    Test{"says_what_it_serves", "what supports() accepts works, and what it refuses with a reason is refused",
         says_what_it_serves},
    Test{"reads_any_strides", "how the inputs lie in memory changes nothing", reads_any_strides},
    Test{"is_deterministic", "a call has one answer, bit by bit, whatever was called before",
         is_deterministic},
    Test{"serves_many_threads", "forward() may be called from any thread", serves_many_threads},
    Test{"leaves_inputs_alone", "queries, keys, values and masks are read only", leaves_inputs_alone},
    Test{"keeps_rows_apart", "what one row or one query holds, NaN even, changes no other", keeps_rows_apart},
    Test{"ignores_unseen_keys", "a key that nobody sees changes nothing, whatever numbers it holds",
         ignores_unseen_keys},
    Test{"survives_extreme_logits", "scores of ten thousand give an average of values, and finite gradients",
         survives_extreme_logits},
    Test{"drops_by_its_seed", "dropout is drawn from its seed alone, and keeps the mean", drops_by_its_seed},
    Test{"attends_by_sequence",
         "forward_varlen() is the formula for each sequence alone, log-sum-exp and gradients included",
         attends_by_sequence},
    Test{"keeps_sequences_apart", "what one sequence holds, NaN even, changes no other",
         keeps_sequences_apart},
    Test{"refuses_bad_starts", "starts that don't fit the tokens are refused", refuses_bad_starts},
    Test{"reads_pages", "forward_paged() is the formula on the tokens that the table names", reads_pages},
    Test{"ignores_unused_slots", "what lies in slots of no token, NaN even, changes nothing",
         ignores_unused_slots},
    Test{"refuses_missing_pages", "a length beyond the table, or a page that is not there, is refused",
         refuses_missing_pages},
    Test{"layers_equal_their_pieces",
         "run_layer() is what the pieces and forward() give at once, and so are all gradients",
         layers_equal_their_pieces},
    Test{"layers_give_what_is_asked_for", "a layer may need any of its gradients, or none",
         layers_give_what_is_asked_for},
    Test{"layers_come_in_chunks", "pieces are called on chunks, and finish each token once, in order",
         layers_come_in_chunks},
    Test{"layers_stay_small", "no tensor of T x T or T x F numbers ever exists", layers_stay_small},
    Test{"layers_are_deterministic", "a layer has one answer, bit by bit, whatever was called before",
         layers_are_deterministic},
    Test{"layers_can_be_recomputed", "a layer's backward pass is its own, also inside another one",
         layers_can_be_recomputed},
};

}  // namespace

Suite attention_suite() { return {AttentionKernel::kKind, AttentionKernel::kInterface, kTests, use}; }

}  // namespace easylm::exam
