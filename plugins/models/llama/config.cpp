// The description of a LLaMA's settings, its presets, and what the host can work out from them.
#include "config.h"

#include <cmath>
#include <utility>
#include <vector>

#include "easylm/error.h"

namespace easylm::llama {
namespace {

// Widths as the expressions of facts see them.
const std::string kHead = "(head_dim > 0 ? head_dim : hidden_size / num_attention_heads)";
const std::string kQueryWidth = "(num_attention_heads * " + kHead + ")";
const std::string kKeyWidth =
    "((num_key_value_heads > 0 ? num_key_value_heads : num_attention_heads) * " + kHead + ")";

// Weights that take part in a matrix product, of one layer.
const std::string kLayerProducts =
    "(2 * hidden_size * (" + kQueryWidth + " + " + kKeyWidth + ") + 3 * hidden_size * intermediate_size)";
const std::string kLayerBiases = "(attention_bias * (" + kQueryWidth + " + 2 * " + kKeyWidth +
                                 " + hidden_size) + mlp_bias * (2 * intermediate_size + hidden_size))";

void describe_facts(Schema<Config>& s) {
  s.fact("parameters", "vocab_size * hidden_size * (2 - tie_word_embeddings) + num_hidden_layers * (" +
                           kLayerProducts + " + " + kLayerBiases + " + 2 * hidden_size) + hidden_size");
  // Two operations a weight forward, four backward; attention in full, as the usual utilisation figures count
  // it.
  s.fact("flops_per_token", "6 * (num_hidden_layers * " + kLayerProducts +
                                " + vocab_size * hidden_size) + 12 * num_hidden_layers * " + kQueryWidth +
                                " * sequence_length");
  // fp32. A layer keeps: its two residual streams and their norms; queries, keys, values and the attention's
  // output; gate, up and their product. In chunks its input alone, and one layer at a time has keys, values
  // and their gradients.
  const std::string layer =
      "(4 * hidden_size + 2 * " + kQueryWidth + " + 2 * " + kKeyWidth + " + 3 * intermediate_size)";
  const std::string chunked = "(num_hidden_layers * hidden_size + 2 * hidden_size + 5 * " + kKeyWidth + ")";
  s.fact("activation_bytes_per_token",
         "4 * ((blockwise ? " + chunked + " : num_hidden_layers * " + layer + ") + 3 * hidden_size)");
  // Each layer's input, and all of the one layer that is being computed again.
  s.fact("recomputed_activation_bytes_per_token", "4 * ((blockwise ? " + chunked +
                                                      " : num_hidden_layers * hidden_size + " + layer +
                                                      ") + 3 * hidden_size)");
}

void describe_tensors(Schema<Config>& s) {
  const std::string layers = "num_hidden_layers", hidden = "hidden_size", mlp = "intermediate_size";
  const auto linear = [&](const std::string& name, const std::string& outputs, const std::string& inputs) {
    const std::string stem = "model.layers.{i}." + name;
    const bool in_attention = name.starts_with("self_attn");
    s.tensor({stem + ".weight", {outputs, inputs}, layers});
    s.tensor({stem + ".bias", {outputs}, layers, in_attention ? "attention_bias" : "mlp_bias"});
  };
  s.tensor({"model.embed_tokens.weight", {"vocab_size", hidden}});
  s.tensor({"model.layers.{i}.input_layernorm.weight", {hidden}, layers});
  linear("self_attn.q_proj", kQueryWidth, hidden);
  linear("self_attn.k_proj", kKeyWidth, hidden);
  linear("self_attn.v_proj", kKeyWidth, hidden);
  linear("self_attn.o_proj", hidden, kQueryWidth);
  s.tensor({"model.layers.{i}.post_attention_layernorm.weight", {hidden}, layers});
  linear("mlp.gate_proj", mlp, hidden);
  linear("mlp.up_proj", mlp, hidden);
  linear("mlp.down_proj", hidden, mlp);
  s.tensor({"model.norm.weight", {hidden}});
  s.tensor({"lm_head.weight", {"vocab_size", hidden}, {}, "not tie_word_embeddings"});
}

void describe_constraints(Schema<Config>& s) {
  s.require("head_dim > 0 ? 1 : hidden_size % num_attention_heads == 0", "hidden_size",
            "hidden_size {hidden_size} is not a multiple of num_attention_heads {num_attention_heads}",
            "change one of them, or set head_dim");
  s.require("num_key_value_heads > 0 ? num_attention_heads % num_key_value_heads == 0 : 1",
            "num_key_value_heads",
            "num_attention_heads {num_attention_heads} is not a multiple of num_key_value_heads "
            "{num_key_value_heads}",
            "each key/value head serves the same number of attention heads");
  s.require(kHead + " % 2 == 0", "hidden_size",
            "the head width must be even, because rotary embeddings turn pairs",
            "choose hidden_size / num_attention_heads, or head_dim, even");
  s.require("fcm_min_ratio <= fcm_max_ratio", "fcm_min_ratio",
            "fcm_min_ratio {fcm_min_ratio} is above fcm_max_ratio {fcm_max_ratio}");
}

struct Sizes {
  std::int64_t hidden, intermediate, layers, heads, kv_heads;
};

struct Extras {
  std::int64_t vocabulary = 32000, positions = 2048;
  double epsilon = 1e-6, theta = 1e4;
};

void add_preset(Schema<Config>& s, const std::string& name, const Sizes& sizes, const Extras& extras = {}) {
  using schema_detail::to_value;
  s.preset(name, {{"vocab_size", to_value(extras.vocabulary)},
                  {"hidden_size", to_value(sizes.hidden)},
                  {"intermediate_size", to_value(sizes.intermediate)},
                  {"num_hidden_layers", to_value(sizes.layers)},
                  {"num_attention_heads", to_value(sizes.heads)},
                  {"num_key_value_heads", to_value(sizes.kv_heads)},
                  {"max_position_embeddings", to_value(extras.positions)},
                  {"rms_norm_eps", to_value(extras.epsilon)},
                  {"rope_theta", to_value(extras.theta)}});
}

void describe_presets(Schema<Config>& s) {
  const Extras llama1_large{.epsilon = 1e-5};
  const Extras llama2{.positions = 4096, .epsilon = 1e-5};
  const Extras llama3{.vocabulary = 128256, .positions = 8192, .epsilon = 1e-5, .theta = 5e5};
  add_preset(s, "debug", {128, 256, 2, 4, 4});
  add_preset(s, "llama_1b", {2048, 5504, 22, 16, 16});
  add_preset(s, "llama_3b", {3200, 8640, 26, 32, 32});
  add_preset(s, "llama_7b", {4096, 11008, 32, 32, 32});
  add_preset(s, "llama_13b", {5120, 13824, 40, 40, 40});
  add_preset(s, "llama_30b", {6656, 17920, 60, 52, 52});
  add_preset(s, "llama_65b", {8192, 22016, 80, 64, 64}, llama1_large);
  add_preset(s, "llama2_7b", {4096, 11008, 32, 32, 32}, llama2);
  add_preset(s, "llama2_13b", {5120, 13824, 40, 40, 40}, llama2);
  add_preset(s, "llama2_70b", {8192, 28672, 80, 64, 8}, llama2);
  add_preset(s, "llama3_8b", {4096, 14336, 32, 32, 8}, llama3);
  add_preset(s, "llama3_70b", {8192, 28672, 80, 64, 8}, llama3);
}

void describe_training(Schema<Config>& s) {
  s.field("initializer_range", &Config::initializer_range,
          "standard deviation of initial embeddings; of linear weights, times the root of their inputs")
      .at_least(0);
  s.field("embedding_dropout", &Config::embedding_dropout, "share of embedding values dropped in training")
      .at_least(0)
      .at_most(0.99);
  s.field("attention_dropout", &Config::attention_dropout,
          "share of attention probabilities dropped in training")
      .at_least(0)
      .at_most(0.99);
  s.field("feedforward_dropout", &Config::feedforward_dropout, "share of MLP outputs dropped in training")
      .at_least(0)
      .at_most(0.99);
  s.field("residue_dropout", &Config::residue_dropout, "share of attention outputs dropped in training")
      .at_least(0)
      .at_most(0.99);
  s.field("fcm_min_ratio", &Config::fcm_min_ratio,
          "forgetful causal masking: smallest share of earlier tokens hidden from a training sequence")
      .at_least(0)
      .at_most(1);
  s.field("fcm_max_ratio", &Config::fcm_max_ratio, "forgetful causal masking: largest share; 0 turns it off")
      .at_least(0)
      .at_most(1);
}

RopeKind kind_of(const std::string& name) {
  if (name == "linear") return RopeKind::linear;
  if (name == "dynamic") return RopeKind::dynamic;
  if (name == "yarn") return RopeKind::yarn;
  if (name == "llama3") return RopeKind::llama3;
  return RopeKind::plain;
}

const char* name_of(RopeKind kind) {
  switch (kind) {
    case RopeKind::linear:
      return "linear";
    case RopeKind::dynamic:
      return "dynamic";
    case RopeKind::yarn:
      return "yarn";
    case RopeKind::llama3:
      return "llama3";
    case RopeKind::plain:
      break;
  }
  return "default";
}

// As both transformers 4 and 5 read it.
Table rope_scaling_of(const Rope& rope) {
  using schema_detail::to_value;
  Table scaling;
  scaling.set("rope_type", to_value(std::string(name_of(rope.kind))));
  scaling.set("factor", to_value(rope.factor));
  if (rope.kind == RopeKind::llama3) {
    scaling.set("low_freq_factor", to_value(rope.low_freq_factor));
    scaling.set("high_freq_factor", to_value(rope.high_freq_factor));
  } else if (rope.kind == RopeKind::yarn) {
    scaling.set("beta_fast", to_value(rope.yarn.beta_fast));
    scaling.set("beta_slow", to_value(rope.yarn.beta_slow));
    scaling.set("attention_factor", to_value(rope.yarn.attention_factor));
    if (!rope.yarn.truncate) scaling.set("truncate", to_value(false));
  } else {
    return scaling;
  }
  scaling.set("original_max_position_embeddings", to_value(rope.original_positions));
  return scaling;
}

// The paper's growth of scores with the logarithm of the stretch; `weight` is a later refinement.
double yarn_growth(double factor, double weight) {
  return factor <= 1 ? 1 : 0.1 * weight * std::log(factor) + 1;
}

Yarn yarn_of(const RopeTable& table, double factor) {
  Yarn yarn;
  yarn.beta_fast = table.beta_fast.value_or(yarn.beta_fast);
  yarn.beta_slow = table.beta_slow.value_or(yarn.beta_slow);
  yarn.truncate = table.truncate.value_or(yarn.truncate);
  const double above = table.mscale.value_or(0), below = table.mscale_all_dim.value_or(0);
  const bool refined = above > 0 && below > 0;
  yarn.attention_factor =
      refined ? yarn_growth(factor, above) / yarn_growth(factor, below) : yarn_growth(factor, 1);
  if (table.attention_factor) yarn.attention_factor = *table.attention_factor;
  if (yarn.beta_fast < yarn.beta_slow) {
    throw Error(ErrorCode::invalid_config,
                "beta_fast must not be below beta_slow in a rotary scaling of type 'yarn'",
                "the paper has 32 and 1");
  }
  return yarn;
}

}  // namespace

void RopeTable::describe(Schema<RopeTable>& s) {
  const std::vector<std::string> kinds = {"default", "linear", "dynamic", "yarn", "llama3"};
  s.field("rope_type", &RopeTable::rope_type, "how positions beyond the trained ones are reached")
      .one_of(kinds);
  s.field("type", &RopeTable::type, "older name of rope_type").one_of(kinds);
  s.field("factor", &RopeTable::factor, "by how much the context grows").at_least(1);
  s.field("low_freq_factor", &RopeTable::low_freq_factor,
          "llama3: wavelengths above original positions / this are stretched in full")
      .above(0);
  s.field("high_freq_factor", &RopeTable::high_freq_factor,
          "llama3: wavelengths below original positions / this are kept")
      .above(0);
  s.field("beta_fast", &RopeTable::beta_fast,
          "yarn: pairs that turn more often than this within the original positions are kept; absent: 32")
      .above(0);
  s.field("beta_slow", &RopeTable::beta_slow,
          "yarn: pairs that turn less often than this within the original positions are stretched in full; "
          "absent: 1")
      .above(0);
  s.field("truncate", &RopeTable::truncate,
          "yarn: whether the pairs at which stretching begins and ends are whole ones; absent: true");
  s.field("attention_factor", &RopeTable::attention_factor,
          "yarn: by how much queries and keys grow; absent: 0.1 ln(factor) + 1")
      .above(0);
  s.field("mscale", &RopeTable::mscale,
          "yarn: with mscale_all_dim, makes attention_factor the quotient of (0.1 mscale ln(factor) + 1) and "
          "the "
          "same with mscale_all_dim")
      .at_least(0);
  s.field("mscale_all_dim", &RopeTable::mscale_all_dim, "yarn: see mscale").at_least(0);
  s.field("original_max_position_embeddings", &RopeTable::original_max_position_embeddings,
          "positions of the model before it was stretched")
      .at_least(1);
  s.field("rope_theta", &RopeTable::rope_theta, "base of the rotary frequencies").above(0);
}

void Config::describe(Schema<Config>& s) {
  s.field("vocab_size", &Config::vocab_size, "number of token ids; 0: the tokenizer's").at_least(0);
  s.field("hidden_size", &Config::hidden_size, "width of the residual stream").at_least(1).required();
  s.field("intermediate_size", &Config::intermediate_size, "width of the MLP").at_least(1).required();
  s.field("num_hidden_layers", &Config::num_hidden_layers, "number of blocks").at_least(1).required();
  s.field("num_attention_heads", &Config::num_attention_heads, "query heads").at_least(1).required();
  s.field("num_key_value_heads", &Config::num_key_value_heads, "key/value heads; 0: as many as query heads")
      .at_least(0);
  s.field("head_dim", &Config::head_dim, "width of a head; 0: hidden_size / num_attention_heads").at_least(0);
  s.field("max_position_embeddings", &Config::max_position_embeddings, "longest sequence")
      .unit("tokens")
      .at_least(1);
  s.field("rms_norm_eps", &Config::rms_norm_eps, "added to the mean square before its root").above(0);
  s.field("rope_theta", &Config::rope_theta, "base of the rotary frequencies").above(0);
  s.table("rope_scaling", &Config::rope_scaling, "rotary scaling, as transformers 4 writes it");
  s.table("rope_parameters", &Config::rope_parameters,
          "rotary settings, as transformers 5 writes them; wins over rope_scaling and rope_theta");
  s.field("attention_bias", &Config::attention_bias, "biases in the attention's linear layers");
  s.field("mlp_bias", &Config::mlp_bias, "biases in the MLP's linear layers");
  s.field("tie_word_embeddings", &Config::tie_word_embeddings, "whether the output head is the embedding");
  s.field("hidden_act", &Config::hidden_act, "the MLP's activation").one_of({"silu"});
  s.component("attention", "attention", &Config::attention, "the attention kernel");
  s.field(
      "blockwise", &Config::blockwise,
      "compute each layer in chunks of tokens, and again in the backward pass: memory for long sequences");
  describe_training(s);
  describe_presets(s);
  describe_facts(s);
  describe_tensors(s);
  describe_constraints(s);
}

Rope Config::rope() const {
  Rope rope;
  rope.theta = rope_theta;
  const std::optional<RopeTable>& said = rope_parameters ? rope_parameters : rope_scaling;
  if (!said) return rope;
  const RopeTable& table = *said;
  if (table.rope_theta) rope.theta = *table.rope_theta;
  rope.kind = kind_of(table.rope_type ? *table.rope_type : table.type.value_or("default"));
  if (rope.kind == RopeKind::plain) return rope;
  const bool complete =
      table.factor && (rope.kind != RopeKind::llama3 || (table.low_freq_factor && table.high_freq_factor &&
                                                         table.original_max_position_embeddings));
  if (!complete) {
    const std::string kind = name_of(rope.kind);
    throw Error(ErrorCode::invalid_config, "the rotary scaling of type '" + kind + "' is incomplete",
                rope.kind == RopeKind::llama3
                    ? "give factor, low_freq_factor, high_freq_factor and original_max_position_embeddings"
                    : "give factor");
  }
  rope.factor = *table.factor;
  rope.low_freq_factor = table.low_freq_factor.value_or(rope.low_freq_factor);
  rope.high_freq_factor = table.high_freq_factor.value_or(rope.high_freq_factor);
  rope.original_positions = table.original_max_position_embeddings.value_or(max_position_embeddings);
  if (rope.kind == RopeKind::yarn) rope.yarn = yarn_of(table, rope.factor);
  if (rope.kind == RopeKind::llama3 && rope.low_freq_factor >= rope.high_freq_factor) {
    throw Error(ErrorCode::invalid_config,
                "low_freq_factor must be below high_freq_factor in a rotary scaling",
                "LLaMA 3.1 has 1 and 4");
  }
  return rope;
}

Table hf_config_of(const Config& config) {
  using schema_detail::to_value;
  Table table{"llama"};
  table.set("architectures", to_value(std::vector<std::string>{"LlamaForCausalLM"}));
  table.set("vocab_size", to_value(config.vocab_size));
  table.set("hidden_size", to_value(config.hidden_size));
  table.set("intermediate_size", to_value(config.intermediate_size));
  table.set("num_hidden_layers", to_value(config.num_hidden_layers));
  table.set("num_attention_heads", to_value(config.num_attention_heads));
  table.set("num_key_value_heads", to_value(config.kv_heads()));
  table.set("head_dim", to_value(config.head_width()));
  table.set("max_position_embeddings", to_value(config.max_position_embeddings));
  table.set("rms_norm_eps", to_value(config.rms_norm_eps));
  table.set("attention_bias", to_value(config.attention_bias));
  table.set("mlp_bias", to_value(config.mlp_bias));
  table.set("tie_word_embeddings", to_value(config.tie_word_embeddings));
  table.set("hidden_act", to_value(config.hidden_act));
  table.set("initializer_range", to_value(config.initializer_range));
  table.set("attention_dropout", to_value(config.attention_dropout));
  const Rope rope = config.rope();
  table.set("rope_theta", to_value(rope.theta));
  if (rope.kind != RopeKind::plain) table.set("rope_scaling", to_value(rope_scaling_of(rope)));
  // Ours; other readers pass over them.
  const std::pair<const char*, double> training[] = {{"embedding_dropout", config.embedding_dropout},
                                                     {"feedforward_dropout", config.feedforward_dropout},
                                                     {"residue_dropout", config.residue_dropout},
                                                     {"fcm_min_ratio", config.fcm_min_ratio},
                                                     {"fcm_max_ratio", config.fcm_max_ratio}};
  for (const auto& [key, value] : training) {
    if (value > 0) table.set(key, to_value(value));
  }
  return table;
}

}  // namespace easylm::llama
