// What the host can know of a GPT-2 without running it: keys, sizes, tensors.
#include "config.h"

#include <string>
#include <vector>

using namespace easylm;

namespace {

const std::string kInner = "(n_inner > 0 ? n_inner : 4 * n_embd)";

// As GPT2LMHeadModel.save_pretrained() names them; a weight is inputs by outputs.
void describe_tensors(Schema<Gpt2Config>& s) {
  const std::string d = "n_embd";
  const auto layer = [&s](const std::string& name, std::vector<std::string> shape) {
    s.tensor({"transformer.h.{i}." + name, std::move(shape), "n_layer"});
  };
  s.tensor({"transformer.wte.weight", {"vocab_size", d}});
  s.tensor({"transformer.wpe.weight", {"n_positions", d}});
  for (const std::string norm : {"ln_1", "ln_2"}) {
    layer(norm + ".weight", {d});
    layer(norm + ".bias", {d});
  }
  layer("attn.c_attn.weight", {d, "3 * n_embd"});
  layer("attn.c_attn.bias", {"3 * n_embd"});
  layer("attn.c_proj.weight", {d, d});
  layer("attn.c_proj.bias", {d});
  layer("mlp.c_fc.weight", {d, kInner});
  layer("mlp.c_fc.bias", {kInner});
  layer("mlp.c_proj.weight", {kInner, d});
  layer("mlp.c_proj.bias", {d});
  s.tensor({"transformer.ln_f.weight", {d}});
  s.tensor({"transformer.ln_f.bias", {d}});
}

void describe_facts(Schema<Gpt2Config>& s) {
  const std::string products = "n_layer * (4 * n_embd + 2 * " + kInner + ") * n_embd";
  s.fact("parameters", "(vocab_size + n_positions + 2) * n_embd + " + products +
                           " + n_layer * (9 * n_embd + " + kInner + ")");
  s.fact("flops_per_token",
         "6 * (" + products + " + vocab_size * n_embd) + 12 * n_layer * n_embd * sequence_length");
  s.fact("activation_bytes_per_token", "4 * (n_layer * (9 * n_embd + 2 * " + kInner + ") + 3 * n_embd)");
}

}  // namespace

void Gpt2Config::describe(Schema<Gpt2Config>& s) {
  using C = Gpt2Config;
  s.field("vocab_size", &C::vocab_size, "number of token ids; 0: the tokenizer's").at_least(0);
  s.field("n_positions", &C::n_positions, "longest sequence").unit("tokens").at_least(1);
  s.field("n_embd", &C::n_embd, "width of the residual stream").at_least(1);
  s.field("n_layer", &C::n_layer, "number of blocks").at_least(1);
  s.field("n_head", &C::n_head, "attention heads").at_least(1);
  s.field("n_inner", &C::n_inner, "width of the MLP; 0: 4 n_embd").at_least(0);
  s.field("activation_function", &C::activation_function, "of the MLP").one_of({"gelu_new"});
  s.field("layer_norm_epsilon", &C::layer_norm_epsilon, "added to a variance before its root").above(0);
  s.field("initializer_range", &C::initializer_range, "standard deviation of initial weights").at_least(0);
  s.field("embd_pdrop", &C::embd_pdrop, "share of embedding values dropped in training")
      .at_least(0)
      .at_most(0.99);
  s.field("attn_pdrop", &C::attn_pdrop, "share of attention probabilities dropped in training")
      .at_least(0)
      .at_most(0.99);
  s.field("resid_pdrop", &C::resid_pdrop,
          "share of what a block adds to the stream that is dropped in training")
      .at_least(0)
      .at_most(0.99);
  s.field("scale_attn_weights", &C::scale_attn_weights, "divide scores by the root of the head width");
  s.field("scale_attn_by_inverse_layer_idx", &C::scale_attn_by_inverse_layer_idx,
          "divide the scores of a layer by its number, from 1");
  s.field("tie_word_embeddings", &C::tie_word_embeddings,
          "whether the output head is the embedding: it must be");
  s.component("attention", "attention", &C::attention, "the attention kernel");
  s.require("tie_word_embeddings", "tie_word_embeddings", "a head of its own is not in this model",
            "set it to true");
  s.require("n_embd % n_head == 0", "n_embd", "n_embd {n_embd} is not a multiple of n_head {n_head}",
            "change one of them");
  describe_facts(s);
  describe_tensors(s);
}

Table hf_config_of(const Gpt2Config& config) {
  Schema<Gpt2Config> schema;
  Gpt2Config::describe(schema);
  Table table = schema.write(config);
  std::erase_if(table.settings, [&config](const Setting& setting) {
    return setting.key == "attention" || (setting.key == "n_inner" && config.n_inner == 0);
  });
  table.type = "gpt2";
  table.set("architectures", schema_detail::to_value(std::vector<std::string>{"GPT2LMHeadModel"}));
  return table;
}
