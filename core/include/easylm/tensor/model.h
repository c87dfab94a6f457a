// A decoder-only language model whose pieces can be reached one by one, so that activation checkpointing,
// sharding, blockwise execution and serving act from outside.
//
// Shape suffixes: B batch, T tokens, D model width, N query heads, K key/value heads, H head width, F MLP
// width, V vocabulary, L layers, S keys.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "easylm/component.h"
#include "easylm/host.h"
#include "easylm/tensor/forward_context.h"

namespace easylm {

// How a parameter may be split: one mesh axis name per dimension, empty for "not split".
struct PartitionRule {
  std::vector<std::string> axes;
};

struct Parameter {
  std::string name;  // as in Hugging Face's files
  at::Tensor value;  // the live tensor: assigning through it changes the model
  PartitionRule rule;
  bool decay = true;  // false for norms and biases
};

// What a model doesn't have is 0: the heads of one without attention.
struct ModelFacts {
  std::int64_t hidden_size = 0, num_layers = 0, num_heads = 0, num_key_value_heads = 0, head_dim = 0;
  std::int64_t intermediate_size = 0, vocabulary_size = 0;
  std::int64_t max_positions = std::numeric_limits<std::int64_t>::max();  // as it stands: no limit
  std::int64_t num_parameters = 0;                                        // tied weights once
  bool tied_head = false;
};

// Used by one thread at a time, unless in inference under a ForwardContext of one's own.
class EASYLM_API Model : public Component {
 public:
  static constexpr std::string_view kKind = "model";
  static constexpr std::string_view kInterface = "easylm.model/1";
  ~Model() override;

  virtual const ModelFacts& facts() const = 0;

  // Arithmetic of one training step per token at sequence length T, forward and backward, without
  // recomputation.
  virtual double flops_per_token(std::int64_t length) const = 0;

  // Allocates every parameter, uninitialised. Called once, before anything below. [setup]
  virtual void materialise(at::Device device, at::ScalarType dtype) = 0;

  // Whether materialise() was called: tells a model that an earlier stage filled from one that was only made.
  virtual bool materialised() const = 0;

  // Draws initial weights by the model's own recipe, from the host's generator, one stream a parameter.
  // [setup]
  virtual void initialise(Host& host) = 0;

  // Appends all parameters, in a stable order; a tied head appears once, as the embedding.
  virtual void parameters(std::vector<Parameter>& out) = 0;

  virtual at::Tensor embed(const at::Tensor& ids_BT, ForwardContext& context) = 0;  // → h_BTD
  virtual at::Tensor block(std::int64_t layer, const at::Tensor& h_BTD,
                           ForwardContext& context) = 0;                                // → h_BTD
  virtual at::Tensor final_norm(const at::Tensor& h_BTD, ForwardContext& context) = 0;  // → h_BTD
  virtual at::Tensor head_weight() const = 0;  // w_VD, the embedding's if tied

  // The config.json of this model: HF's keys, `type` being HF's model_type.
  virtual Table hf_config() const = 0;
};

// Keys and values of the tokens seen so far, layer by layer.
class EASYLM_API KvView {
 public:
  virtual ~KvView();

  struct Extended {
    at::Tensor k_BSKH,
        v_BSKH;  // all keys and values including the new ones; views, valid until the next extend
  };

  // Appends the new tokens of one layer.
  virtual Extended extend(std::int64_t layer, const at::Tensor& k_BTKH, const at::Tensor& v_BTKH) = 0;

  // Number of tokens before the ones now being computed, the same for every row.
  virtual std::int64_t length() const = 0;
};

// (extension of Model) Decoding with cached keys and values.
class EASYLM_API KvCacheModel {
 public:
  static constexpr std::string_view kInterface = "easylm.model.kv_cache/1";
  virtual ~KvCacheModel();

  // As Model::block over T new tokens at positions length() …; the result equals that of the whole sequence.
  virtual at::Tensor block_cached(std::int64_t layer, const at::Tensor& h_BTD, KvView& cache,
                                  ForwardContext& context) = 0;
};

}  // namespace easylm
