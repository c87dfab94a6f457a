// Copies where strides don't fit.
#include "inputs.h"

namespace easylm::bpt {

at::Tensor readable(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

AttentionMask contiguous(AttentionMask mask) {
  for (at::Tensor* tensor : {&mask.segments_q_BT, &mask.segments_k_BS, &mask.keep_BS}) {
    if (tensor->defined()) *tensor = tensor->contiguous();
  }
  return mask;
}

}  // namespace easylm::bpt
