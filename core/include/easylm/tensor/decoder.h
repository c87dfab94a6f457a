// A model that is fed tokens and keeps what it has seen of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "easylm/tensor/kv_cache.h"
#include "easylm/tensor/model.h"
#include "easylm/tokenizer.h"

namespace easylm {

class EASYLM_API Decoder {
 public:
  // Some models have room in their vocabulary that the tokenizer doesn't use: nothing is chosen from there.
  // REQUIRES: `model` outlives this, and is on `device`.
  Decoder(Model& model, const Tokenizer& tokenizer, at::Device device);

  // Whether all of the model's positions are used.
  bool full() const;

  // Logits of what follows each of `ids`, [T, V]. REQUIRES: they fit, and are the model's.
  at::Tensor feed_all(std::span<const TokenId> ids);

  // Logits of what follows the last of `ids`, [V].
  at::Tensor feed(std::span<const TokenId> ids);

 private:
  at::Tensor hidden(std::span<const TokenId> ids);  // → h_TD
  at::Tensor logits(const at::Tensor& h) const;

  Model& model_;
  std::int64_t num_tokens_;
  at::Device device_;
  GrowingKvCache cache_;
};

}  // namespace easylm
