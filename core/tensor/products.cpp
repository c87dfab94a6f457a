// Chooses the kernel, and makes the product differentiable.
#include "products.h"

#include <memory>
#include <vector>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/autograd_function.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/gemm_kernel.h"
#include "gemm.h"

namespace easylm {
namespace {

// bf16 without instructions for it: LibTorch's loops for that are many times slower than fp32.
bool needs_upcast(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 && !has_bf16_products(x.device());
}

// MKL chooses its kernels by maker: on Intel's processors nothing in fp32 is faster.
bool beats_libtorch(at::ScalarType type) {
#if defined(__x86_64__)
  static const bool fp32 = gemm_kernel().is_vectorised && __builtin_cpu_is("intel") == 0;
#else
  static const bool fp32 = false;
#endif
  return type == at::kFloat ? fp32 : type == at::kBFloat16 && bf16_gemm_kernel().is_vectorised;
}

// Whether [rows, depth] · [depth, columns] in x's dtype is for our kernels. Packing pays from some size on.
bool has_kernel(const at::Tensor& x, std::int64_t rows, std::int64_t columns, std::int64_t depth) {
  constexpr std::int64_t kSmallest = 32;
  return x.is_cpu() && beats_libtorch(x.scalar_type()) && rows >= kSmallest && columns >= kSmallest &&
         depth >= kSmallest;
}

bool has_kernel(const at::Tensor& a_MK, const at::Tensor& b_KN) {
  return a_MK.scalar_type() == b_KN.scalar_type() && b_KN.is_cpu() &&
         has_kernel(a_MK, a_MK.size(0), b_KN.size(1), a_MK.size(1));
}

template <typename T>
GemmOperand<T> operand(const at::Tensor& matrix) {
  return {matrix.const_data_ptr<T>(), matrix.stride(0), matrix.stride(1)};
}

enum class Into { replace, add };

template <typename C>
GemmOutput<C> output(const at::Tensor& c_MN, Into into) {
  return {c_MN.mutable_data_ptr<C>(), c_MN.stride(0), into == Into::add};
}

// Whether multiply() can write c.
bool is_output(const at::Tensor& c_MN, const at::Tensor& a_MK) {
  return c_MN.scalar_type() == at::kFloat || c_MN.scalar_type() == a_MK.scalar_type();
}

// REQUIRES: has_kernel(a, b), is_output(c, a), c contiguous; only fp32 is added to.
void multiply(const at::Tensor& c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN, Into into) {
  using Half = c10::BFloat16;
  const GemmSize size{a_MK.size(0), b_KN.size(1), a_MK.size(1)};
  if (a_MK.scalar_type() == at::kFloat) {
    gemm(size, operand<float>(a_MK), operand<float>(b_KN), output<float>(c_MN, into));
  } else if (c_MN.scalar_type() == at::kFloat) {
    gemm(size, operand<Half>(a_MK), operand<Half>(b_KN), output<float>(c_MN, into));
  } else {
    gemm(size, operand<Half>(a_MK), operand<Half>(b_KN), output<Half>(c_MN, into));
  }
}

// The product where we have no kernel; in fp32 if bf16 must be upcast.
at::Tensor composed(const at::Tensor& a_MK, const at::Tensor& b_KN) {
  return needs_upcast(a_MK) ? a_MK.to(at::kFloat).mm(b_KN.to(at::kFloat)) : a_MK.mm(b_KN);
}

// Of x, weight_OI and, if there is one, bias_O.
class Linear : public AutogradFunction {
 public:
  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    const at::Tensor &x = inputs[0], &weight_OI = inputs[1];
    saved = {x, weight_OI};
    at::Tensor y_RO = product(x.reshape({-1, x.size(-1)}), weight_OI.t());
    if (inputs.size() > 2) y_RO.add_(inputs[2]);
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.back() = weight_OI.size(0);
    return y_RO.view(shape);
  }

  Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                   const std::vector<bool>& wanted) override {
    const at::Tensor &x = saved[0], &weight_OI = saved[1];
    const at::Tensor dy_RO = gradient.reshape({-1, weight_OI.size(0)});
    Tensors found(wanted.size());
    if (wanted[0]) found[0] = product(dy_RO, weight_OI).view(x.sizes());
    if (wanted[1]) found[1] = product(dy_RO.t(), x.reshape({-1, x.size(-1)}));
    if (wanted.size() > 2 && wanted[2]) found[2] = dy_RO.sum(0);
    return found;
  }
};

}  // namespace

at::Tensor product(const at::Tensor& a_MK, const at::Tensor& b_KN) {
  if (!has_kernel(a_MK, b_KN)) return composed(a_MK, b_KN).to(a_MK.scalar_type());
  at::Tensor c_MN = aten::empty({a_MK.size(0), b_KN.size(1)}, a_MK.options());
  multiply(c_MN, a_MK, b_KN, Into::replace);
  return c_MN;
}

void product_into(const at::Tensor& c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN) {
  if (is_output(c_MN, a_MK) && has_kernel(a_MK, b_KN)) {
    multiply(c_MN, a_MK, b_KN, Into::replace);
  } else {
    aten::mm_out(c_MN, a_MK, b_KN);
  }
}

void product_add(const at::Tensor& c_MN, const at::Tensor& a_MK, const at::Tensor& b_KN) {
  if (c_MN.scalar_type() == at::kFloat && has_kernel(a_MK, b_KN)) {
    multiply(c_MN, a_MK, b_KN, Into::add);
  } else if (c_MN.scalar_type() == a_MK.scalar_type()) {
    c_MN.addmm_(a_MK, b_KN);
  } else {
    c_MN.add_(composed(a_MK, b_KN));
  }
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight_OI, const at::Tensor& bias_O) {
  const std::int64_t width = x.size(-1), rows = width > 0 ? x.numel() / width : 0;
  const bool ours = needs_upcast(x) || has_kernel(x, rows, weight_OI.size(0), width);
  if (!ours || x.scalar_type() != weight_OI.scalar_type()) return aten::linear(x, weight_OI, bias_O);
  Tensors inputs{x, weight_OI};
  if (bias_O.defined()) inputs.push_back(bias_O);
  return apply_function(std::make_shared<Linear>(), inputs);
}

}  // namespace easylm
