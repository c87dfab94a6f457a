// Matrix products of tensors by whatever is fastest here: our own kernels or LibTorch's, by dtype and
// processor.
#pragma once

#include <ATen/core/Tensor.h>

namespace easylm {

// a · b in their common dtype: [M, K] · [K, N] → [M, N]; any strides, no gradients.
at::Tensor product(const at::Tensor& a_MK, const at::Tensor& b_KN);

// c = a · b, and c += a · b; c is contiguous. In product_add c may be fp32 where a and b are narrower.
void product_into(const at::Tensor& c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN);
void product_add(const at::Tensor& c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN);

// x W^T + b: [..., I] → [..., O] in x's dtype, differentiable; an undefined bias is none.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight_OI, const at::Tensor& bias_O);

}  // namespace easylm
