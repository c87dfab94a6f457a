// GPT-2 (Radford et al. 2019), with Hugging Face's names and numbers.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config.h"
#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/model.h"
#include "easylm/tensor/ops.h"

namespace {

using namespace easylm;

struct Norm {
  at::Tensor weight_D, bias_D;
};

// As the files hold it: inputs by outputs.
struct Linear {
  std::string name;
  at::Tensor weight_IO, bias_O;

  at::Tensor operator()(const at::Tensor& x, ForwardContext& context) const {
    return context.linear({name + ".weight", weight_IO.t(), bias_O}, x);
  }
};

struct Layer {
  Norm ln_1;
  Linear c_attn, attn_c_proj;
  Norm ln_2;
  Linear c_fc, mlp_c_proj;
};

// On a GPU this would wait for it at every step.
void check_ids(const at::Tensor& ids, std::int64_t count, const std::string& what) {
  if (!ids.is_cpu() || ids.numel() == 0) return;
  const auto low = ids.min().item<std::int64_t>(), high = ids.max().item<std::int64_t>();
  if (low >= 0 && high < count) return;
  throw Error(ErrorCode::invalid_config,
              "model 'gpt2' has " + std::to_string(count) + " " + what + ", from 0, and " +
                  std::to_string(low < 0 ? low : high) + " came in",
              "give it the tokenizer's vocab_size, and rows that are no longer than n_positions");
}

class Gpt2 final : public Model, public KvCacheModel {
 public:
  using Config = Gpt2Config;
  using Model::kInterface;

  Gpt2(Host& host, const Config& config)
      : config_(config), attention_(host.make<AttentionKernel>(config.attention)) {
    if (config.vocab_size <= 0) {
      throw Error(ErrorCode::invalid_config, "model 'gpt2' has no vocab_size",
                  "set model.vocab_size, or give the pipeline a tokenizer");
    }
    const std::int64_t d = config.n_embd, f = config.inner();
    facts_ = {.hidden_size = d,
              .num_layers = config.n_layer,
              .num_heads = config.n_head,
              .num_key_value_heads = config.n_head,
              .head_dim = d / config.n_head,
              .intermediate_size = f,
              .vocabulary_size = config.vocab_size,
              .max_positions = config.n_positions,
              .num_parameters = (config.vocab_size + config.n_positions + 2) * d +
                                config.n_layer * ((4 * d + 2 * f) * d + 9 * d + f),
              .tied_head = true};
  }

  const ModelFacts& facts() const override { return facts_; }

  double flops_per_token(std::int64_t length) const override {
    const auto d = static_cast<double>(config_.n_embd), f = static_cast<double>(config_.inner());
    const auto layers = static_cast<double>(config_.n_layer);
    return 6 * (layers * (4 * d + 2 * f) * d + static_cast<double>(config_.vocab_size) * d) +
           12 * layers * d * static_cast<double>(length);
  }

  void materialise(at::Device device, at::ScalarType dtype) override {
    EASYLM_CHECK(!materialised(), "a model was materialised twice");
    options_ = at::TensorOptions(dtype).device(device);
    const std::int64_t d = config_.n_embd, f = config_.inner();
    wte_VD_ = make("transformer.wte.weight", {config_.vocab_size, d});
    wpe_TD_ = make("transformer.wpe.weight", {config_.n_positions, d});
    for (std::int64_t i = 0; i < config_.n_layer; ++i) {
      const std::string stem = "transformer.h." + std::to_string(i) + ".";
      layers_.push_back({make_norm(stem + "ln_1"), make_linear(stem + "attn.c_attn", d, 3 * d),
                         make_linear(stem + "attn.c_proj", d, d), make_norm(stem + "ln_2"),
                         make_linear(stem + "mlp.c_fc", d, f), make_linear(stem + "mlp.c_proj", f, d)});
    }
    ln_f_ = make_norm("transformer.ln_f");
  }

  bool materialised() const override { return wte_VD_.defined(); }

  // As transformers does: what is added to the stream begins smaller, the more layers add to it.
  void initialise(Host& host) override {
    const at::NoGradGuard no_grad;
    for (const Parameter& parameter : parameters_) {
      if (parameter.value.dim() == 1) {
        parameter.value.fill_(parameter.name.ends_with(".bias") ? 0 : 1);
        continue;
      }
      const bool adds = parameter.name.ends_with("c_proj.weight");
      const double deviation =
          config_.initializer_range / (adds ? std::sqrt(2 * static_cast<double>(config_.n_layer)) : 1);
      const at::Generator generator = generator_of(host.random("initial " + parameter.name, 0), at::kCPU);
      parameter.value.copy_(
          aten::empty(parameter.value.sizes(), at::kFloat).normal_(0, deviation, generator));
    }
  }

  void parameters(std::vector<Parameter>& out) override {
    out.insert(out.end(), parameters_.begin(), parameters_.end());
  }

  at::Tensor embed(const at::Tensor& ids_BT, ForwardContext& context) override {
    const at::Tensor positions =
        context.positions.defined() ? context.positions : aten::arange(ids_BT.size(1), ids_BT.options());
    check_ids(ids_BT, config_.vocab_size, "token ids");
    check_ids(positions, config_.n_positions, "positions");
    return dropped(aten::embedding(wte_VD_, ids_BT) + aten::embedding(wpe_TD_, positions), config_.embd_pdrop,
                   "embedding", context);
  }

  at::Tensor block(std::int64_t layer, const at::Tensor& h_BTD, ForwardContext& context) override {
    return run_block(layer, h_BTD, nullptr, context);
  }

  at::Tensor block_cached(std::int64_t layer, const at::Tensor& h_BTD, KvView& cache,
                          ForwardContext& context) override {
    return run_block(layer, h_BTD, &cache, context);
  }

  at::Tensor final_norm(const at::Tensor& h_BTD, ForwardContext& /*context*/) override {
    return normed(h_BTD, ln_f_);
  }

  at::Tensor head_weight() const override { return wte_VD_; }

  Table hf_config() const override { return hf_config_of(config_); }

  void* extension(std::string_view id) override {
    return id == KvCacheModel::kInterface ? static_cast<KvCacheModel*>(this) : nullptr;
  }

 private:
  at::Tensor make(const std::string& name, at::IntArrayRef shape) {
    parameters_.push_back({name, aten::empty(shape, options_), {}, shape.size() > 1});
    return parameters_.back().value;
  }

  Norm make_norm(const std::string& name) {
    return {make(name + ".weight", {config_.n_embd}), make(name + ".bias", {config_.n_embd})};
  }

  Linear make_linear(const std::string& name, std::int64_t inputs, std::int64_t outputs) {
    return {name, make(name + ".weight", {inputs, outputs}), make(name + ".bias", {outputs})};
  }

  at::Tensor normed(const at::Tensor& x_BTD, const Norm& norm) const {
    return at::layer_norm(x_BTD, x_BTD.size(-1), norm.weight_D, norm.bias_D, config_.layer_norm_epsilon);
  }

  static at::Tensor dropped(const at::Tensor& x, double share, const std::string& place,
                            ForwardContext& context) {
    return context.phase() == Phase::train ? dropout(x, share, context.random(place)) : x;
  }

  // x_BTD → q, k, v, each [B, T, N, H] → o_BTNH → [B, T, D]
  at::Tensor attend(std::int64_t index, const at::Tensor& x_BTD, KvView* cache, ForwardContext& context) {
    const Layer& layer = layers_.at(static_cast<std::size_t>(index));
    const auto qkv =
        layer.c_attn(x_BTD, context).unflatten(-1, {3, config_.n_head, facts_.head_dim}).unbind(2);
    AttentionCall call{.q_BTNH = qkv[0], .k_BSKH = qkv[1], .v_BSKH = qkv[2]};
    call.scale = config_.scale_attn_weights ? 1 / std::sqrt(static_cast<double>(facts_.head_dim)) : 1;
    if (config_.scale_attn_by_inverse_layer_idx) call.scale /= static_cast<double>(index + 1);
    if (cache != nullptr) {
      call.mask.query_offset = cache->length();
      const KvView::Extended all = cache->extend(index, call.k_BSKH, call.v_BSKH);
      call.k_BSKH = all.k_BSKH;
      call.v_BSKH = all.v_BSKH;
    } else {
      call.mask.segments_q_BT = call.mask.segments_k_BS = context.segments_BT;
    }
    if (context.phase() == Phase::train && config_.attn_pdrop > 0) {
      call.dropout = config_.attn_pdrop;
      call.dropout_seed = context.random(layer.c_attn.name).key();
    }
    return layer.attn_c_proj(attention_->forward(call).o_BTNH.flatten(2, 3), context);
  }

  at::Tensor run_block(std::int64_t index, const at::Tensor& h_BTD, KvView* cache, ForwardContext& context) {
    const Layer& layer = layers_.at(static_cast<std::size_t>(index));
    const at::Tensor attended = attend(index, normed(h_BTD, layer.ln_1), cache, context);
    const at::Tensor x_BTD = h_BTD + dropped(attended, config_.resid_pdrop, layer.attn_c_proj.name, context);
    const at::Tensor inner_BTF = at::gelu(layer.c_fc(normed(x_BTD, layer.ln_2), context), "tanh");
    const at::Tensor fed = layer.mlp_c_proj(inner_BTF, context);
    return x_BTD + dropped(fed, config_.resid_pdrop, layer.mlp_c_proj.name, context);
  }

  Config config_;
  ModelFacts facts_;
  std::shared_ptr<AttentionKernel> attention_;
  at::TensorOptions options_;
  std::vector<Parameter> parameters_;  // all of these
  at::Tensor wte_VD_, wpe_TD_;
  std::vector<Layer> layers_;
  Norm ln_f_;
};

}  // namespace

EASYLM_PLUGIN("example-model-gpt2", "1.0.0") {
  registrar.component<Gpt2>("gpt2", "GPT-2, with the keys of Hugging Face's config.json.");
}
