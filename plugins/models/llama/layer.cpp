// One layer of a LLaMA: in one piece, behind a cache, or in the pieces that a kernel computes chunk by chunk.
#include <cmath>
#include <string>
#include <utility>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/ops.h"
#include "llama.h"

namespace easylm::llama {
namespace {

RotaryAngles at_tokens(const RotaryAngles& angles, TokenSpan tokens) {
  return {angles.cos.narrow(-2, tokens.begin, tokens.size), angles.sin.narrow(-2, tokens.begin, tokens.size)};
}

}  // namespace

Llama::Drops::Drops(const ForwardContext& context)
    : phase(context.phase()), seed(context.seed), draw(context.draw) {}

Llama::Drops Llama::Drops::of(TokenSpan span) const {
  Drops drops = *this;
  drops.tokens = " from token " + std::to_string(span.begin);
  return drops;
}

at::Tensor Llama::Drops::apply(const at::Tensor& x, double probability, const std::string& place) const {
  if (phase == Phase::infer) return x;
  return dropout(x, probability, RandomStream(seed, place + tokens, draw));
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

AttentionMask Llama::mask_of(const at::Tensor& h_BTD, const ForwardContext& context) const {
  AttentionMask mask;
  mask.segments_q_BT = mask.segments_k_BS = context.segments_BT;
  mask.keep_BS = forgetful_keep(h_BTD, context);
  return mask;
}

double Llama::scale() const { return 1 / std::sqrt(static_cast<double>(facts_.head_dim)); }

// x_BTD → [B, T, N·H] → q_BTNH
at::Tensor Llama::queries(const Layer& layer, const at::Tensor& x_BTD, const RotaryAngles& angles,
                          ForwardContext& context) const {
  return rotary(context.linear(layer.q, x_BTD).unflatten(-1, {facts_.num_heads, facts_.head_dim}), angles);
}

LayerPieces::KeysValues Llama::keys_values(const Layer& layer, const at::Tensor& x_BTD,
                                           const RotaryAngles& angles, ForwardContext& context) const {
  const std::int64_t heads[] = {facts_.num_key_value_heads, facts_.head_dim};
  return {rotary(context.linear(layer.k, x_BTD).unflatten(-1, heads), angles),
          context.linear(layer.v, x_BTD).unflatten(-1, heads)};
}

// What follows the attention: o_BTNH → [B, T, N·H] → [B, T, D], the residual stream, the MLP.
at::Tensor Llama::finish(const Layer& layer, const at::Tensor& h_BTD, const at::Tensor& o_BTNH,
                         const Drops& drops, ForwardContext& context) const {
  const at::Tensor from_attention_BTD =
      drops.apply(context.linear(layer.o, o_BTNH.flatten(2, 3)), config_.residue_dropout,
                  layer.prefix + "residue dropout");
  const at::Tensor attended_BTD = h_BTD + from_attention_BTD;
  const at::Tensor x_BTD = rms_norm(attended_BTD, layer.post_norm_D, config_.rms_norm_eps);
  const at::Tensor product_BTF = swiglu(context.linear(layer.gate, x_BTD), context.linear(layer.up, x_BTD));
  return attended_BTD + drops.apply(context.linear(layer.down, product_BTF), config_.feedforward_dropout,
                                    layer.prefix + "feedforward dropout");
}

at::Tensor Llama::run_block(std::int64_t index, const at::Tensor& h_BTD, KvView* cache,
                            ForwardContext& context) {
  const Layer& layer = layers_.at(static_cast<std::size_t>(index));
  const std::int64_t past = cache != nullptr ? cache->length() : 0;
  const RotaryAngles angles = rotary_.angles({context.positions, past, h_BTD.size(1)}, h_BTD.device());
  const at::Tensor x_BTD = rms_norm(h_BTD, layer.input_norm_D, config_.rms_norm_eps);
  AttentionCall call;
  call.q_BTNH = queries(layer, x_BTD, angles, context);
  const LayerPieces::KeysValues new_ones = keys_values(layer, x_BTD, angles, context);
  call.k_BSKH = new_ones.k_BCKH;
  call.v_BSKH = new_ones.v_BCKH;
  call.scale = scale();
  if (cache != nullptr) {
    const KvView::Extended all = cache->extend(index, call.k_BSKH, call.v_BSKH);
    call.k_BSKH = all.k_BSKH;
    call.v_BSKH = all.v_BSKH;
    call.mask.query_offset = past;
  } else {
    call.mask = mask_of(h_BTD, context);
  }
  if (context.phase() == Phase::train && config_.attention_dropout > 0) {
    call.dropout = config_.attention_dropout;
    call.dropout_seed = context.random(layer.prefix + "attention dropout").key();
  }
  return finish(layer, h_BTD, attention_->forward(call).o_BTNH, Drops(context), context);
}

at::Tensor Llama::run_in_chunks(const Layer& layer, const at::Tensor& h_BTD, ForwardContext& context) {
  const RotaryAngles angles = rotary_.angles({context.positions, 0, h_BTD.size(1)}, h_BTD.device());
  const double epsilon = config_.rms_norm_eps;
  LayerPieces pieces;
  pieces.queries = [=, this, &layer, &context](const at::Tensor& h_BCD, TokenSpan tokens) {
    return queries(layer, rms_norm(h_BCD, layer.input_norm_D, epsilon), at_tokens(angles, tokens), context);
  };
  pieces.keys_values = [=, this, &layer, &context](const at::Tensor& h_BCD, TokenSpan tokens) {
    return keys_values(layer, rms_norm(h_BCD, layer.input_norm_D, epsilon), at_tokens(angles, tokens),
                       context);
  };
  pieces.finish = [this, &layer, &context, drops = Drops(context)](
                      const at::Tensor& h_BCD, const at::Tensor& o_BCNH, TokenSpan tokens) {
    return finish(layer, h_BCD, o_BCNH, drops.of(tokens), context);
  };
  for (const LinearWeights* linear :
       {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) {
    pieces.parameters.push_back(linear->weight_OI);
    if (linear->bias_O.defined()) pieces.parameters.push_back(linear->bias_O);
  }
  pieces.parameters.push_back(layer.input_norm_D);
  pieces.parameters.push_back(layer.post_norm_D);
  return in_chunks_->run_layer({h_BTD, mask_of(h_BTD, context), scale()}, pieces);
}

at::Tensor Llama::block(std::int64_t layer, const at::Tensor& h_BTD, ForwardContext& context) {
  if (in_chunks_ != nullptr)
    return run_in_chunks(layers_.at(static_cast<std::size_t>(layer)), h_BTD, context);
  return run_block(layer, h_BTD, nullptr, context);
}

at::Tensor Llama::block_cached(std::int64_t layer, const at::Tensor& h_BTD, KvView& cache,
                               ForwardContext& context) {
  return run_block(layer, h_BTD, &cache, context);
}

}  // namespace easylm::llama
