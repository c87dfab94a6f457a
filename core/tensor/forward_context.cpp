// The plain forward pass: full weights.
#include "easylm/tensor/forward_context.h"

#include "products.h"

namespace easylm {

ForwardContext::ForwardContext(Phase phase) : phase_(phase) {}
ForwardContext::~ForwardContext() = default;

RandomStream ForwardContext::random(std::string_view place) const { return {seed, place, draw}; }

at::Tensor ForwardContext::linear(const LinearWeights& weights, const at::Tensor& x) {
  return easylm::linear(x, weights.weight_OI, weights.bias_O);
}

}  // namespace easylm
