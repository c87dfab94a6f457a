// Keys and values of a sequence that grows, in one contiguous block a layer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "easylm/tensor/model.h"

namespace easylm {

// Room doubles as needed, so n extensions copy O(n) tokens in all. For one batch of rows of equal length.
class EASYLM_API GrowingKvCache : public KvView {
 public:
  explicit GrowingKvCache(std::int64_t num_layers);
  ~GrowingKvCache() override;

  // Throws Error{internal} if the batch or head sizes differ from the tokens before.
  Extended extend(std::int64_t layer, const at::Tensor& k_BTKH, const at::Tensor& v_BTKH) override;

  // Tokens that every layer has seen.
  std::int64_t length() const override;

  // Forgets all tokens from `length` on, and what a failed pass left in some layers. REQUIRES: 0 ≤ length ≤
  // length().
  void rewind(std::int64_t length);

 private:
  struct Layer {
    at::Tensor k_BCKH, v_BCKH;  // C: capacity
    std::int64_t length = 0;
  };
  std::vector<Layer> layers_;
};

}  // namespace easylm
