// LLaMA 1, 2 and 3.x: RMSNorm, rotary positions, grouped-query attention, SwiGLU.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/blockwise_layer.h"
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

  // Dropout as one pass draws it, also when that pass has moved on.
  struct Drops {
    explicit Drops(const ForwardContext& context);
    Drops of(TokenSpan tokens) const;
    at::Tensor apply(const at::Tensor& x, double probability, const std::string& place) const;

    Phase phase;
    std::uint64_t seed, draw;
    std::string tokens;  // which, if not all
  };

  void check_kernel() const;
  LinearWeights make_linear(const std::string& name, std::int64_t outputs, std::int64_t inputs, Split split);

  // A layer's parts, as functions of the tokens that they are given.
  at::Tensor queries(const Layer& layer, const at::Tensor& x_BTD, const RotaryAngles& angles,
                     ForwardContext& context) const;
  LayerPieces::KeysValues keys_values(const Layer& layer, const at::Tensor& x_BTD, const RotaryAngles& angles,
                                      ForwardContext& context) const;
  at::Tensor finish(const Layer& layer, const at::Tensor& h_BTD, const at::Tensor& o_BTNH, const Drops& drops,
                    ForwardContext& context) const;

  at::Tensor attend(std::int64_t layer, const at::Tensor& x_BTD, KvView* cache, ForwardContext& context);
  at::Tensor run_block(std::int64_t layer, const at::Tensor& h_BTD, KvView* cache, ForwardContext& context);
  at::Tensor run_in_chunks(const Layer& layer, const at::Tensor& h_BTD, ForwardContext& context);
  at::Tensor forgetful_keep(const at::Tensor& x_BTD, const ForwardContext& context) const;  // keep_BS
  AttentionMask mask_of(const at::Tensor& h_BTD, const ForwardContext& context) const;
  double scale() const;

  Config config_;
  ModelFacts facts_;
  std::shared_ptr<AttentionKernel> attention_;
  BlockwiseLayer* in_chunks_ = nullptr;  // attention_'s; null: layers are computed in one piece
  RotaryTable rotary_;
  at::TensorOptions options_;

  at::Tensor embedding_VD_, final_norm_D_, head_VD_;
  std::vector<Layer> layers_;
};

}  // namespace easylm::llama
