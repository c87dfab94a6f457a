// The exam of easylm.model/1 and its extension easylm.model.kv_cache/1.
#include "model.h"

#include <array>

#include "model_trial.h"
#include "suites.h"

namespace easylm::exam {
namespace {

void use(const Subject& subject) {
  const auto model = ready_model(subject);
  const at::Tensor ids_BT = some_ids(subject, *model, 2, usual_length(*model));
  (void)hidden_of(*model, ids_BT);
  (void)loss_gradients(*model, ids_BT);
}

constexpr std::array kTests{
    Test{"names_its_parameters", "parameters() lists live tensors under names of their own, in one order",
         names_its_parameters},
    Test{"counts_its_parameters", "facts().num_parameters is their number, tied weights once",
         counts_its_parameters},
    Test{"tells_the_facts", "facts() agree with each other and with the tensors", tells_the_facts},
    Test{"ties_its_head_as_it_says", "tied_head says whether the head is the embedding",
         ties_its_head_as_it_says},
    Test{"materialises_as_asked", "materialise() makes every parameter on the device, in the dtype",
         materialises_as_asked},
    Test{"initialises_by_the_seed", "initial weights are drawn from the host, one stream a parameter",
         initialises_by_the_seed},
    Test{"follows_its_parameters", "what is assigned through parameters() changes the model",
         follows_its_parameters},
    Test{"counts_its_work", "flops_per_token() is positive, and not smaller for longer sequences",
         counts_its_work},
    Test{"rebuilds_from_its_config", "a model made from hf_config() is the same one",
         rebuilds_from_its_config},
    Test{"computes_in_its_dtype", "outputs are finite, [B, T, D], in the parameters' dtype",
         computes_in_its_dtype},
    Test{"keeps_rows_apart", "what a row gives does not depend on the batch that it is in",
         keeps_batch_rows_apart},
    Test{"is_causal", "later tokens change nothing about earlier ones", is_causal},
    Test{"keeps_documents_apart", "attention stays within a document", keeps_documents_apart},
    Test{"follows_positions", "positions are the context's, 0 to T-1 if it has none", follows_positions},
    Test{"decodes_with_a_cache", "decoding with cached keys and values equals the whole sequence",
         decodes_with_a_cache},
    Test{"serves_many_threads", "in inference any thread may run it, under a context of its own",
         infers_in_many_threads},
    Test{"names_its_products", "matrix products go through the context, by the parameter's name",
         names_its_products},
    Test{"has_true_gradients", "gradients agree with differences of the loss", has_true_gradients},
    Test{"trains_every_parameter", "every parameter gets a gradient", trains_every_parameter},
    Test{"recomputes_exactly", "a block that runs again under the same context gives the same bits",
         recomputes_exactly},
};

}  // namespace

Suite model_suite() { return {Model::kKind, Model::kInterface, kTests, use}; }

}  // namespace easylm::exam
