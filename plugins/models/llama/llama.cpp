// The LLaMA forward pass, piece by piece.
#include "llama.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <utility>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/ops.h"

namespace easylm::llama {
namespace {

ModelFacts facts_of(const Config& config) {
  ModelFacts facts;
  facts.hidden_size = config.hidden_size;
  facts.num_layers = config.num_hidden_layers;
  facts.num_heads = config.num_attention_heads;
  facts.num_key_value_heads = config.kv_heads();
  facts.head_dim = config.head_width();
  facts.intermediate_size = config.intermediate_size;
  facts.vocabulary_size = config.vocab_size;
  facts.max_positions = config.max_position_embeddings;
  facts.tied_head = config.tie_word_embeddings;
  const std::int64_t query_width = facts.num_heads * facts.head_dim;
  const std::int64_t key_width = facts.num_key_value_heads * facts.head_dim;
  std::int64_t layer = 2 * facts.hidden_size * (query_width + key_width) +
                       3 * facts.hidden_size * facts.intermediate_size + 2 * facts.hidden_size;
  if (config.attention_bias) layer += query_width + 2 * key_width + facts.hidden_size;
  if (config.mlp_bias) layer += 2 * facts.intermediate_size + facts.hidden_size;
  facts.num_parameters = facts.vocabulary_size * facts.hidden_size * (facts.tied_head ? 1 : 2) +
                         facts.num_layers * layer + facts.hidden_size;
  return facts;
}

void add_linear(std::vector<Parameter>& out, const LinearWeights& linear) {
  const bool by_columns = linear.split == Split::columns;
  PartitionRule rule{by_columns ? std::vector<std::string>{"tensor", "shard"}
                                : std::vector<std::string>{"shard", "tensor"}};
  out.push_back({linear.name, linear.weight_OI, std::move(rule), true});
  if (!linear.bias_O.defined()) return;
  const std::string stem = linear.name.substr(0, linear.name.rfind('.'));
  out.push_back({stem + ".bias", linear.bias_O, {{by_columns ? "tensor" : ""}}, false});
}

void check_ids(const at::Tensor& ids_BT, std::int64_t vocabulary) {
  if (!ids_BT.is_cpu() || ids_BT.numel() == 0) return;  // on a GPU this would wait for it at every step
  const auto low = ids_BT.min().item<std::int64_t>();
  const auto high = ids_BT.max().item<std::int64_t>();
  if (low >= 0 && high < vocabulary) return;
  throw Error(ErrorCode::invalid_config,
              "token id " + std::to_string(low < 0 ? low : high) + " came in, and the model has " +
                  std::to_string(vocabulary) + " ids, from 0",
              "give the model the tokenizer's vocab_size");
}

}  // namespace

Llama::Llama(Host& host, const Config& config)
    : config_(config),
      facts_(facts_of(config)),
      attention_(host.make<AttentionKernel>(config.attention)),
      rotary_(config.rope(), config.head_width(), config.max_position_embeddings) {
  if (config.vocab_size <= 0) {
    throw Error(ErrorCode::invalid_config, "model 'llama' has no vocab_size",
                "set model.vocab_size, or give the pipeline a tokenizer");
  }
  check_kernel();
  if (!config.blockwise) return;
  in_chunks_ = extension_of<BlockwiseLayer>(*attention_);
  if (in_chunks_ != nullptr) return;
  throw Error(
      ErrorCode::unsupported,
      "model.blockwise is set, and attention '" + config.attention.type + "' can't compute layers in chunks",
      "set model.attention = \"auto\" or \"bpt\", or leave model.blockwise out");
}

// Says at once what would otherwise fail at the first step.
void Llama::check_kernel() const {
  AttentionQuery query;
  query.num_heads = facts_.num_heads;
  query.num_key_value_heads = facts_.num_key_value_heads;
  query.head_dim = facts_.head_dim;
  query.dropout = config_.attention_dropout > 0;
  query.keep = config_.fcm_max_ratio > 0;
  query.batch = query.num_queries = query.num_keys = 1;
  query.training = true;
  const Support support = attention_->supports(query);
  if (support.score > 0) return;
  throw Error(ErrorCode::unsupported,
              "attention '" + config_.attention.type + "' can't serve this model: " + support.reason,
              "set model.attention = \"reference\", or change the model");
}

double Llama::flops_per_token(std::int64_t length) const {
  const auto d = static_cast<double>(facts_.hidden_size);
  const auto query_width = static_cast<double>(facts_.num_heads * facts_.head_dim);
  const auto key_width = static_cast<double>(facts_.num_key_value_heads * facts_.head_dim);
  const auto layers = static_cast<double>(facts_.num_layers);
  const double products =
      layers * (2 * d * (query_width + key_width) + 3 * d * static_cast<double>(facts_.intermediate_size)) +
      static_cast<double>(facts_.vocabulary_size) * d;
  return 6 * products + 12 * layers * query_width * static_cast<double>(length);
}

LinearWeights Llama::make_linear(const std::string& name, std::int64_t outputs, std::int64_t inputs,
                                 Split split) {
  const bool in_attention = name.find("self_attn") != std::string::npos;
  const bool biased = in_attention ? config_.attention_bias : config_.mlp_bias;
  LinearWeights linear{name + ".weight", aten::empty({outputs, inputs}, options_), {}, split};
  if (biased) linear.bias_O = aten::empty({outputs}, options_);
  return linear;
}

void Llama::materialise(at::Device device, at::ScalarType dtype) {
  EASYLM_CHECK(!materialised(), "a model was materialised twice");
  options_ = at::TensorOptions(dtype).device(device);
  const std::int64_t d = facts_.hidden_size, f = facts_.intermediate_size;
  const std::int64_t query_width = facts_.num_heads * facts_.head_dim;
  const std::int64_t key_width = facts_.num_key_value_heads * facts_.head_dim;
  for (std::int64_t l = 0; l < facts_.num_layers; ++l) {
    Layer layer;
    layer.prefix = "model.layers." + std::to_string(l) + ".";
    layer.input_norm_D = aten::empty({d}, options_);
    layer.post_norm_D = aten::empty({d}, options_);
    layer.q = make_linear(layer.prefix + "self_attn.q_proj", query_width, d, Split::columns);
    layer.k = make_linear(layer.prefix + "self_attn.k_proj", key_width, d, Split::columns);
    layer.v = make_linear(layer.prefix + "self_attn.v_proj", key_width, d, Split::columns);
    layer.o = make_linear(layer.prefix + "self_attn.o_proj", d, query_width, Split::rows);
    layer.gate = make_linear(layer.prefix + "mlp.gate_proj", f, d, Split::columns);
    layer.up = make_linear(layer.prefix + "mlp.up_proj", f, d, Split::columns);
    layer.down = make_linear(layer.prefix + "mlp.down_proj", d, f, Split::rows);
    layers_.push_back(std::move(layer));
  }
  final_norm_D_ = aten::empty({d}, options_);
  if (!config_.tie_word_embeddings) head_VD_ = aten::empty({facts_.vocabulary_size, d}, options_);
  embedding_VD_ = aten::empty({facts_.vocabulary_size, d}, options_);
}

void Llama::parameters(std::vector<Parameter>& out) {
  EASYLM_CHECK(materialised(), "a model's parameters were asked for before it was materialised");
  out.push_back({"model.embed_tokens.weight", embedding_VD_, {{"tensor", "shard"}}, true});
  for (const Layer& layer : layers_) {
    out.push_back({layer.prefix + "input_layernorm.weight", layer.input_norm_D, {{""}}, false});
    for (const LinearWeights* linear : {&layer.q, &layer.k, &layer.v, &layer.o}) add_linear(out, *linear);
    out.push_back({layer.prefix + "post_attention_layernorm.weight", layer.post_norm_D, {{""}}, false});
    for (const LinearWeights* linear : {&layer.gate, &layer.up, &layer.down}) add_linear(out, *linear);
  }
  out.push_back({"model.norm.weight", final_norm_D_, {{""}}, false});
  if (head_VD_.defined()) out.push_back({"lm_head.weight", head_VD_, {{"tensor", "shard"}}, true});
}

// Norms are 1, biases 0; every other parameter is drawn from a stream of its own name.
void Llama::initialise(Host& host) {
  const at::NoGradGuard no_grad;
  std::vector<Parameter> all;
  parameters(all);
  for (Parameter& parameter : all) {
    if (parameter.value.dim() == 1) {
      parameter.value.fill_(parameter.name.ends_with(".bias") ? 0 : 1);
      continue;
    }
    double deviation = config_.initializer_range;
    if (!parameter.value.is_same(embedding_VD_)) {
      deviation /= std::sqrt(static_cast<double>(parameter.value.size(1)));
    }
    // Drawn on the CPU in fp32, so that device and precision don't change them.
    const at::Generator generator = generator_of(host.random("initial " + parameter.name, 0), at::kCPU);
    parameter.value.copy_(aten::empty(parameter.value.sizes(), at::kFloat).normal_(0, deviation, generator));
  }
}

at::Tensor Llama::embed(const at::Tensor& ids_BT, ForwardContext& context) {
  check_ids(ids_BT, facts_.vocabulary_size);
  at::Tensor h_BTD = aten::embedding(embedding_VD_, ids_BT);
  if (context.phase() == Phase::infer) return h_BTD;
  return dropout(h_BTD, config_.embedding_dropout, context.random("embedding dropout"));
}

at::Tensor Llama::final_norm(const at::Tensor& h_BTD, ForwardContext&) {
  return rms_norm(h_BTD, final_norm_D_, config_.rms_norm_eps);
}

void* Llama::extension(std::string_view id) {
  if (id == KvCacheModel::kInterface) return static_cast<KvCacheModel*>(this);
  return nullptr;
}

}  // namespace easylm::llama

EASYLM_PLUGIN("easylm-model-llama", "0.1.0") {
  registrar.component<easylm::llama::Llama>(
      "llama", "LLaMA 1, 2 and 3.x, with the keys of Hugging Face's config.json.");
}
