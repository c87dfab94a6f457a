// Attention as its formula says, in fp64, with a mask of its own: what kernels are held against.
#pragma once

#include "easylm/tensor/attention.h"
#include "tensors.h"

namespace easylm::exam {

struct Attended {
  at::Tensor o_BTNH, lse_BNT;
  Tensors gradients;  // of q, k and v, if asked for
};

// `call` in fp64, whatever its dtype and dropout; given weights of the output [B, T, N, H], also the
// gradients of its weighted sum.
Attended attend_exactly(const AttentionCall& call, const at::Tensor& weights_BTNH = {});

// True where query `t` of row `b` sees key `s`, from the sentences of AttentionMask.
bool sees(const AttentionMask& mask, std::int64_t b, std::int64_t t, std::int64_t s);

// The greatest distance() at which a result in `dtype` is right. fp32 1e-5, fp64 1e-12: what sums of some
// hundred products round to, with room. 16 bits: a score of up to 8, a probability, its gradient and the
// result may be rounded once each, to 2^-9 (bf16) or 2^-12 (fp16) of themselves: together less than 8 times
// twice that.
double tolerance_of(at::ScalarType dtype);

}  // namespace easylm::exam
