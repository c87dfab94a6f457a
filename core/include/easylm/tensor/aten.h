// ATen's functions that are no methods of a tensor, and its operators, as far as this project uses them: each
// of ATen's own headers of functions takes a compiler six seconds beyond that of a tensor, the operators'
// ten. Meaning and arguments are ATen's; what is missing here is included from there.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Scalar.h>

#include "easylm/export.h"

namespace easylm {

namespace aten {

EASYLM_API at::Tensor empty(at::IntArrayRef shape, const at::TensorOptions& options = {});
EASYLM_API at::Tensor zeros(at::IntArrayRef shape, const at::TensorOptions& options = {});
EASYLM_API at::Tensor ones(at::IntArrayRef shape, const at::TensorOptions& options = {});
EASYLM_API at::Tensor full(at::IntArrayRef shape, const at::Scalar& value,
                           const at::TensorOptions& options = {});
EASYLM_API at::Tensor arange(const at::Scalar& end, const at::TensorOptions& options = {});
EASYLM_API at::Tensor arange(const at::Scalar& begin, const at::Scalar& end,
                             const at::TensorOptions& options = {});

// A view of memory that outlives it.
EASYLM_API at::Tensor from_blob(void* data, at::IntArrayRef shape, const at::TensorOptions& options);

EASYLM_API at::Tensor cat(at::TensorList tensors, std::int64_t dimension = 0);
EASYLM_API at::Tensor embedding(const at::Tensor& table_VD, const at::Tensor& ids);
EASYLM_API at::Tensor linear(const at::Tensor& x, const at::Tensor& weight_OI, const at::Tensor& bias_O = {});
EASYLM_API void mm_out(const at::Tensor& c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN);
EASYLM_API at::Tensor silu(const at::Tensor& x);
EASYLM_API at::Tensor stack(at::TensorList tensors);

inline bool equal(const at::Tensor& a, const at::Tensor& b) { return a.equal(b); }

}  // namespace aten

inline at::Tensor operator+(const at::Tensor& x, const at::Tensor& y) { return x.add(y); }
inline at::Tensor operator+(const at::Tensor& x, const at::Scalar& y) { return x.add(y); }
inline at::Tensor operator-(const at::Tensor& x, const at::Tensor& y) { return x.sub(y); }
inline at::Tensor operator-(const at::Tensor& x, const at::Scalar& y) { return x.sub(y); }
inline at::Tensor operator*(const at::Tensor& x, const at::Tensor& y) { return x.mul(y); }
inline at::Tensor operator*(const at::Tensor& x, const at::Scalar& y) { return x.mul(y); }
inline at::Tensor operator/(const at::Tensor& x, const at::Tensor& y) { return x.div(y); }
inline at::Tensor operator/(const at::Tensor& x, const at::Scalar& y) { return x.div(y); }
inline at::Tensor operator&(const at::Tensor& x, const at::Tensor& y) { return x.bitwise_and(y); }
inline at::Tensor operator|(const at::Tensor& x, const at::Tensor& y) { return x.bitwise_or(y); }
inline at::Tensor operator==(const at::Tensor& x, const at::Tensor& y) { return x.eq(y); }
inline at::Tensor operator==(const at::Tensor& x, const at::Scalar& y) { return x.eq(y); }
inline at::Tensor operator>(const at::Tensor& x, const at::Tensor& y) { return x.gt(y); }
inline at::Tensor operator>(const at::Tensor& x, const at::Scalar& y) { return x.gt(y); }
inline at::Tensor operator<(const at::Tensor& x, const at::Tensor& y) { return x.lt(y); }
inline at::Tensor operator<(const at::Tensor& x, const at::Scalar& y) { return x.lt(y); }
inline at::Tensor operator>=(const at::Tensor& x, const at::Tensor& y) { return x.ge(y); }
inline at::Tensor operator>=(const at::Tensor& x, const at::Scalar& y) { return x.ge(y); }
inline at::Tensor operator<=(const at::Tensor& x, const at::Tensor& y) { return x.le(y); }
inline at::Tensor operator<=(const at::Tensor& x, const at::Scalar& y) { return x.le(y); }

}  // namespace easylm
