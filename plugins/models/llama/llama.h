// LLaMA 1, 2 and 3.x: RMSNorm, rotary positions, grouped-query attention, SwiGLU.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/model.h"
#include "rotary_table.h"

namespace easylm::llama {

class Llama final : public Model, public KvCacheModel {
 public:
  using Config = llama::Config;
  static constexpr std::string_view kInterface = Model::kInterface;  // not the extension's

  Llama(Host& host, const Config& config);

  const ModelFacts& facts() const override { return facts_; }
  double flops_per_token(std::int64_t length) const override;
  void materialise(at::Device device, at::ScalarType dtype) override;
  bool materialised() const override { return embedding_VD_.defined(); }
  void initialise(Host& host) override;
  void parameters(std::vector<Parameter>& out) override;

  at::Tensor embed(const at::Tensor& ids_BT, ForwardContext& context) override;
  at::Tensor block(std::int64_t layer, const at::Tensor& h_BTD, ForwardContext& context) override;
  at::Tensor final_norm(const at::Tensor& h_BTD, ForwardContext& context) override;
  at::Tensor head_weight() const override { return config_.tie_word_embeddings ? embedding_VD_ : head_VD_; }
  Table hf_config() const override { return hf_config_of(config_); }

  void* extension(std::string_view id) override;
  at::Tensor block_cached(std::int64_t layer, const at::Tensor& h_BTD, KvView& cache,
                          ForwardContext& context) override;

 private:
  struct Layer {
    std::string prefix;  // "model.layers.3."
    at::Tensor input_norm_D, post_norm_D;
    LinearWeights q, k, v, o, gate, up, down;
  };

  void check_kernel() const;
  LinearWeights make_linear(const std::string& name, std::int64_t outputs, std::int64_t inputs, Split split);
  at::Tensor attend(std::int64_t layer, const at::Tensor& x_BTD, KvView* cache, ForwardContext& context);
  at::Tensor feed_forward(const Layer& layer, const at::Tensor& x_BTD, ForwardContext& context) const;
  at::Tensor run_block(std::int64_t layer, const at::Tensor& h_BTD, KvView* cache, ForwardContext& context);
  at::Tensor forgetful_keep(const at::Tensor& x_BTD, const ForwardContext& context) const;  // keep_BS

  Config config_;
  ModelFacts facts_;
  std::shared_ptr<AttentionKernel> attention_;
  RotaryTable rotary_;
  at::TensorOptions options_;

  at::Tensor embedding_VD_, final_norm_D_, head_VD_;
  std::vector<Layer> layers_;
};

}  // namespace easylm::llama
