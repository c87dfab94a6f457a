// The one place that includes ATen's functions for everybody.
#include "easylm/tensor/aten.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

namespace easylm::aten {

at::Tensor empty(at::IntArrayRef shape, const at::TensorOptions& options) {
  return at::empty(shape, options);
}
at::Tensor zeros(at::IntArrayRef shape, const at::TensorOptions& options) {
  return at::zeros(shape, options);
}
at::Tensor ones(at::IntArrayRef shape, const at::TensorOptions& options) { return at::ones(shape, options); }

at::Tensor full(at::IntArrayRef shape, const at::Scalar& value, const at::TensorOptions& options) {
  return at::full(shape, value, options);
}

at::Tensor arange(const at::Scalar& end, const at::TensorOptions& options) {
  return at::arange(end, options);
}

at::Tensor arange(const at::Scalar& begin, const at::Scalar& end, const at::TensorOptions& options) {
  return at::arange(begin, end, options);
}

at::Tensor from_blob(void* data, at::IntArrayRef shape, const at::TensorOptions& options) {
  return at::from_blob(data, shape, options);
}

at::Tensor cat(at::TensorList tensors, std::int64_t dimension) { return at::cat(tensors, dimension); }

at::Tensor embedding(const at::Tensor& table_VD, const at::Tensor& ids) {
  return at::embedding(table_VD, ids);
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight_OI, const at::Tensor& bias_O) {
  return at::linear(x, weight_OI, bias_O);
}

void mm_out(const at::Tensor& c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN) {
  at::Tensor c = c_MN;
  at::mm_out(c, a_MK, b_KN);
}

at::Tensor silu(const at::Tensor& x) { return at::silu(x); }
at::Tensor stack(at::TensorList tensors) { return at::stack(tensors); }

}  // namespace easylm::aten
