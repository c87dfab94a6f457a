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

// Hides a random share of the earlier tokens of each row; never the first.
at::Tensor Llama::forgetful_keep(const at::Tensor& x_BTD, const ForwardContext& context) const {
  if (context.phase() == Phase::infer || config_.fcm_max_ratio <= 0) return {};
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(x_BTD.device());
  const at::Generator generator = generator_of(context.random("forgetful mask"), x_BTD.device());
  const double spread = config_.fcm_max_ratio - config_.fcm_min_ratio;
  const at::Tensor ratio_B1 =
      aten::empty({x_BTD.size(0), 1}, options).uniform_(0, 1, generator) * spread + config_.fcm_min_ratio;
  at::Tensor keep_BS =
      aten::empty({x_BTD.size(0), x_BTD.size(1)}, options).uniform_(0, 1, generator) >= ratio_B1;
  keep_BS.narrow(1, 0, 1).fill_(true);
  return keep_BS;
}

// x_BTD → q_BTNH, k_BTKH, v_BTKH → o_BTNH → [B, T, N·H] → [B, T, D]
at::Tensor Llama::attend(std::int64_t index, const at::Tensor& x_BTD, KvView* cache,
                         ForwardContext& context) {
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  const std::int64_t head_dim = facts_.head_dim;
  const std::int64_t past = cache != nullptr ? cache->length() : 0;
  const RotaryAngles angles = rotary_.angles({context.positions, past, x_BTD.size(1)}, x_BTD.device());
  AttentionCall call;
  call.q_BTNH = rotary(context.linear(layer.q, x_BTD).unflatten(-1, {facts_.num_heads, head_dim}), angles);
  call.k_BSKH =
      rotary(context.linear(layer.k, x_BTD).unflatten(-1, {facts_.num_key_value_heads, head_dim}), angles);
  call.v_BSKH = context.linear(layer.v, x_BTD).unflatten(-1, {facts_.num_key_value_heads, head_dim});
  call.scale = 1 / std::sqrt(static_cast<double>(head_dim));
  if (cache != nullptr) {
    const KvView::Extended all = cache->extend(index, call.k_BSKH, call.v_BSKH);
    call.k_BSKH = all.k_BSKH;
    call.v_BSKH = all.v_BSKH;
    call.mask.query_offset = past;
  } else {
    call.mask.segments_q_BT = call.mask.segments_k_BS = context.segments_BT;
    call.mask.keep_BS = forgetful_keep(x_BTD, context);
  }
  if (context.phase() == Phase::train && config_.attention_dropout > 0) {
    call.dropout = config_.attention_dropout;
    call.dropout_seed = context.random(layer.prefix + "attention dropout").key();
  }
  const at::Tensor o_BTNH = attention_->forward(call).o_BTNH;
  at::Tensor out_BTD = context.linear(layer.o, o_BTNH.flatten(2, 3));
  if (context.phase() == Phase::infer) return out_BTD;
  return dropout(out_BTD, config_.residue_dropout, context.random(layer.prefix + "residue dropout"));
}

at::Tensor Llama::feed_forward(const Layer& layer, const at::Tensor& x_BTD, ForwardContext& context) const {
  const at::Tensor product_BTF = swiglu(context.linear(layer.gate, x_BTD), context.linear(layer.up, x_BTD));
  at::Tensor out_BTD = context.linear(layer.down, product_BTF);
  if (context.phase() == Phase::infer) return out_BTD;
  return dropout(out_BTD, config_.feedforward_dropout, context.random(layer.prefix + "feedforward dropout"));
}

at::Tensor Llama::run_block(std::int64_t index, const at::Tensor& h_BTD, KvView* cache,
                            ForwardContext& context) {
  const Layer& layer = layers_.at(static_cast<std::size_t>(index));
  const double epsilon = config_.rms_norm_eps;
  const at::Tensor attended_BTD =
      h_BTD + attend(index, rms_norm(h_BTD, layer.input_norm_D, epsilon), cache, context);
  return attended_BTD + feed_forward(layer, rms_norm(attended_BTD, layer.post_norm_D, epsilon), context);
}

at::Tensor Llama::block(std::int64_t layer, const at::Tensor& h_BTD, ForwardContext& context) {
  return run_block(layer, h_BTD, nullptr, context);
}

at::Tensor Llama::block_cached(std::int64_t layer, const at::Tensor& h_BTD, KvView& cache,
                               ForwardContext& context) {
  return run_block(layer, h_BTD, &cache, context);
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
