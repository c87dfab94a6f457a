// What a model's forward pass is told, and the one door through which its matrix products go.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "easylm/export.h"
#include "easylm/random.h"

namespace easylm {

enum class Split { none, columns, rows };  // how tensor parallelism may cut a weight

struct LinearWeights {
  std::string name;      // the weight's parameter name
  at::Tensor weight_OI;  // outputs × inputs
  at::Tensor bias_O;     // undefined if there is none
  Split split = Split::none;
};

enum class Phase { train, infer };

// One forward pass. Plain unless derived from: sharding and quantised weights override linear().
class EASYLM_API ForwardContext {
 public:
  explicit ForwardContext(Phase phase);
  virtual ~ForwardContext();
  ForwardContext(const ForwardContext&) = delete;
  ForwardContext& operator=(const ForwardContext&) = delete;

  Phase phase() const { return phase_; }

  // Positions of the tokens, [T] or [B, T], int64. Undefined: 0 … T-1.
  at::Tensor positions;
  // Document number of each token, [B, T], int32: attention stays within a document. Undefined: one document
  // a row.
  at::Tensor segments_BT;

  // Training randomness. Two passes with the same seed, step and micro-step draw the same numbers, which is
  // what makes recomputation exact.
  std::uint64_t seed = 0;
  std::uint64_t draw = 0;  // the number of this forward pass since the start of training

  // The stream for one place in the model, for example "layer 3 residual dropout".
  RandomStream random(std::string_view place) const;

  // x W^T + b: [..., I] → [..., O], in x's dtype, differentiable.
  virtual at::Tensor linear(const LinearWeights& weights, const at::Tensor& x);

 private:
  Phase phase_;
};

}  // namespace easylm
