// A small model that keeps every rule, for the animals of the zoo to break: attention with rotary positions,
// and a gate.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/schema.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/model.h"
#include "easylm/tensor/ops.h"

namespace easylm {

class GoodModel : public Model, public KvCacheModel {
 public:
  using Model::kInterface;

  struct Config {
    std::int64_t hidden_size = 8;
    double theta = 100;
    static void describe(Schema<Config>& s) {
      s.field("hidden_size", &Config::hidden_size, "width of the residual stream").at_least(8).at_most(8);
      s.field("theta", &Config::theta, "base of the rotary frequencies").above(1);
    }
  };

  GoodModel(Host& /*host*/, const Config& config) : config_(config) {
    facts_ = {config.hidden_size, 2, 2, 1, config.hidden_size / 2, 12, 29, 32, 0, false};
    const std::int64_t d = facts_.hidden_size, v = facts_.vocabulary_size;
    facts_.num_parameters = 2 * v * d + d + 2 * (2 * d * d + d * d + 12 * d * 2);
  }

  const ModelFacts& facts() const override { return facts_; }
  double flops_per_token(std::int64_t length) const override { return 1e5 + static_cast<double>(length); }
  bool materialised() const override { return embedding_.defined(); }

  void materialise(at::Device device, at::ScalarType dtype) override {
    const auto options = at::TensorOptions(dtype).device(device);
    const std::int64_t d = facts_.hidden_size, v = facts_.vocabulary_size;
    embedding_ = aten::empty({v, d}, options);
    head_ = aten::empty({v, d}, options);
    norm_ = aten::empty({d}, options);
    for (std::int64_t layer = 0; layer < facts_.num_layers; ++layer) {
      const auto linear = [&](const char* name, std::int64_t outputs, std::int64_t inputs) {
        return LinearWeights{
            "layer" + std::to_string(layer) + name, aten::empty({outputs, inputs}, options), {}, Split::none};
      };
      layers_.push_back(
          {linear(".qkv", 2 * d, d), linear(".o", d, d), linear(".up", 12, d), linear(".down", d, 12)});
    }
  }

  void initialise(Host& host) override {
    std::vector<Parameter> all;
    parameters(all);
    for (const Parameter& parameter : all) {
      parameter.value.fill_(1);
      if (parameter.value.dim() > 1) draw(host, parameter);
    }
  }

  void parameters(std::vector<Parameter>& out) override {
    out.push_back({"embedding", embedding_, {{"", ""}}, true});
    for (const Layer& layer : layers_) {
      for (const LinearWeights* linear : {&layer.qkv, &layer.o, &layer.up, &layer.down}) {
        out.push_back({linear->name, linear->weight_OI, {{"", ""}}, true});
      }
    }
    out.push_back({"norm", norm_, {{""}}, false});
    out.push_back({"head", head_, {{"", ""}}, true});
  }

  at::Tensor embed(const at::Tensor& ids_BT, ForwardContext& /*context*/) override {
    return aten::embedding(embedding_, ids_BT);
  }

  at::Tensor block(std::int64_t layer, const at::Tensor& h_BTD, ForwardContext& context) override {
    return run(layer, h_BTD, nullptr, context);
  }

  at::Tensor final_norm(const at::Tensor& h_BTD, ForwardContext& /*context*/) override {
    return rms_norm(h_BTD, norm_, 1e-6);
  }

  at::Tensor head_weight() const override { return head_; }

  Table hf_config() const override {
    Table table{"zoo"};
    table.set("hidden_size", {config_.hidden_size, {}});
    table.set("theta", {config_.theta, {}});
    return table;
  }

  void* extension(std::string_view id) override {
    return id == KvCacheModel::kInterface ? static_cast<KvCacheModel*>(this) : nullptr;
  }

  at::Tensor block_cached(std::int64_t layer, const at::Tensor& h_BTD, KvView& cache,
                          ForwardContext& context) override {
    return run(layer, h_BTD, &cache, context);
  }

 protected:
  struct Layer {
    LinearWeights qkv, o, up, down;
  };

  virtual void draw(Host& host, const Parameter& parameter) {
    const at::Generator generator = generator_of(host.random("initial " + parameter.name, 0), at::kCPU);
    parameter.value.copy_(aten::empty(parameter.value.sizes()).normal_(0, 0.1, generator));
  }

  virtual at::Tensor multiply(const LinearWeights& weights, const at::Tensor& x, ForwardContext& context) {
    return context.linear(weights, x);
  }

  virtual AttentionMask mask_of(const ForwardContext& context, std::int64_t past) const {
    AttentionMask mask;
    mask.query_offset = past;
    if (past == 0) mask.segments_q_BT = mask.segments_k_BS = context.segments_BT;
    return mask;
  }

  virtual at::Tensor positions_of(const ForwardContext& context, std::int64_t past,
                                  std::int64_t length) const {
    return context.positions.defined() ? context.positions : aten::arange(past, past + length, at::kLong);
  }

  at::Tensor turn(const at::Tensor& x_BTNH, const at::Tensor& positions) const {
    const std::int64_t half = facts_.head_dim / 2;
    const at::Tensor frequencies = (aten::arange(half, at::kFloat) * (-std::log(config_.theta) / 4)).exp();
    const at::Tensor angles = positions.to(at::kFloat).unsqueeze(-1) * frequencies;
    return rotary(x_BTNH, {angles.cos(), angles.sin()});
  }

  virtual at::Tensor attend(std::int64_t index, const at::Tensor& x_BTD, KvView* cache,
                            ForwardContext& context) {
    const Layer& layer = layers_.at(static_cast<std::size_t>(index));
    const std::int64_t past = cache == nullptr ? 0 : cache->length(), width = facts_.head_dim;
    const at::Tensor positions = positions_of(context, past, x_BTD.size(1));
    const at::Tensor heads = multiply(layer.qkv, x_BTD, context).unflatten(-1, {4, width});
    const at::Tensor q = turn(heads.narrow(2, 0, 2), positions);
    KvView::Extended all{turn(heads.narrow(2, 2, 1), positions), heads.narrow(2, 3, 1)};
    if (cache != nullptr) all = cache->extend(index, all.k_BSKH, all.v_BSKH);
    const at::Tensor hidden =
        visible_keys(mask_of(context, past), q.size(1), all.k_BSKH.size(1), at::kCPU).logical_not();
    const at::Tensor scores = q.transpose(1, 2).matmul(all.k_BSKH.permute({0, 2, 3, 1}));
    const at::Tensor p = scores.div(2).masked_fill(hidden.unsqueeze(1), -1e4).softmax(-1);
    return multiply(layer.o, p.matmul(all.v_BSKH.transpose(1, 2)).transpose(1, 2).flatten(2), context);
  }

  virtual at::Tensor run(std::int64_t index, const at::Tensor& h_BTD, KvView* cache,
                         ForwardContext& context) {
    const Layer& layer = layers_.at(static_cast<std::size_t>(index));
    const at::Tensor attended = h_BTD + attend(index, h_BTD, cache, context);
    return attended + multiply(layer.down, aten::silu(multiply(layer.up, attended, context)), context);
  }

  Config config_;
  ModelFacts facts_;
  at::Tensor embedding_, norm_, head_;
  std::vector<Layer> layers_;
};

}  // namespace easylm
