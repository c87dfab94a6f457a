// The shared operations: one autograd node each on a CPU, compositions of LibTorch's own elsewhere.
#include "easylm/tensor/ops.h"

#include <ATen/Parallel.h>

#include <memory>
#include <utility>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/autograd_function.h"
#include "easylm/tensor/device.h"
#include "ops_kernels.h"

namespace easylm {
namespace {

using c10::BFloat16;

constexpr std::int64_t kRowsPerTask = 64;
constexpr std::int64_t kNumbersPerTask = std::int64_t{1} << 15U;

bool has_kernel(const at::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

at::Tensor empty_as(const at::Tensor& x) { return aten::empty(x.sizes(), x.options()); }

// Calls `body` with a null pointer of the element type.
template <typename Body>
void for_type(const at::Tensor& x, Body body) {
  if (x.scalar_type() == at::kFloat) {
    body(static_cast<float*>(nullptr));
  } else {
    body(static_cast<BFloat16*>(nullptr));
  }
}

template <typename T>
const T* in(const at::Tensor& x) {
  return x.const_data_ptr<T>();
}

template <typename T>
T* out(const at::Tensor& x) {
  return x.defined() ? x.mutable_data_ptr<T>() : nullptr;
}

class RmsNorm : public AutogradFunction {
 public:
  explicit RmsNorm(double epsilon) : epsilon_(epsilon) {}

  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    const at::Tensor x = inputs[0].contiguous();
    const at::Tensor& weight_D = inputs[1];
    const std::int64_t width = x.size(-1), num_rows = x.numel() / width;
    at::Tensor y = empty_as(x);
    const at::Tensor inverse_R = aten::empty({num_rows}, x.options().dtype(at::kFloat));
    for_type(x, [&]<typename T>(T*) {
      const RmsNormRows<T> rows{in<T>(x), in<T>(weight_D), out<T>(y), out<float>(inverse_R),
                                static_cast<float>(epsilon_)};
      at::parallel_for(0, num_rows, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
        rms_norm_rows(rows, {begin, end, width});
      });
    });
    saved = {x, weight_D, inverse_R};
    return y;
  }

  Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                   const std::vector<bool>& wanted) override {
    const at::Tensor &x = saved[0], &weight_D = saved[1], &inverse_R = saved[2];
    const at::Tensor dy = gradient.contiguous();
    const std::int64_t width = x.size(-1), num_rows = x.numel() / width;
    // Tasks are cut by rows and not by threads, so that sums don't depend on the number of threads.
    const std::int64_t num_tasks = (num_rows + kRowsPerTask - 1) / kRowsPerTask;
    const at::Tensor dx = wanted[0] ? empty_as(x) : at::Tensor();
    const at::Tensor dw_CD =
        wanted[1] ? aten::zeros({num_tasks, width}, x.options().dtype(at::kFloat)) : at::Tensor();
    for_type(x, [&]<typename T>(T*) {
      at::parallel_for(0, num_tasks, 1, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t task = first; task < last; ++task) {
          float* dw = dw_CD.defined() ? out<float>(dw_CD) + task * width : nullptr;
          const RmsNormGradientRows<T> rows{in<T>(dy),  in<T>(x), in<T>(weight_D), in<float>(inverse_R),
                                            out<T>(dx), dw};
          const std::int64_t begin = task * kRowsPerTask;
          rms_norm_gradient_rows(rows, {begin, std::min(num_rows, begin + kRowsPerTask), width});
        }
      });
    });
    return {dx, dw_CD.defined() ? dw_CD.sum(0).to(weight_D.scalar_type()) : at::Tensor()};
  }

 private:
  double epsilon_;
};

at::Tensor turn(const at::Tensor& any_x_BTNH, const RotaryAngles& angles, float direction) {
  const at::Tensor x_BTNH = any_x_BTNH.contiguous();
  at::Tensor y_BTNH = empty_as(x_BTNH);
  const std::int64_t num_tokens = x_BTNH.size(0) * x_BTNH.size(1), heads = x_BTNH.size(2);
  const std::int64_t period = angles.cos.numel() / angles.cos.size(-1);
  for_type(x_BTNH, [&]<typename T>(T*) {
    const RotaryRows<T> rows{
        in<T>(x_BTNH), out<T>(y_BTNH), in<float>(angles.cos), in<float>(angles.sin), heads,
        period,        direction};
    at::parallel_for(0, num_tokens, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
      rotary_tokens(rows, {begin, end, x_BTNH.size(3)});
    });
  });
  return y_BTNH;
}

// Of x_BTNH alone: the angles are constants.
class Rotary : public AutogradFunction {
 public:
  explicit Rotary(RotaryAngles angles) : angles_(std::move(angles)) {}

  at::Tensor forward(const Tensors& inputs, Tensors& /*saved*/) override {
    return turn(inputs[0], angles_, 1);
  }

  Tensors backward(const Tensors& /*saved*/, const at::Tensor& gradient,
                   const std::vector<bool>& /*wanted*/) override {
    return {turn(gradient, angles_, -1)};
  }

 private:
  RotaryAngles angles_;
};

class Swiglu : public AutogradFunction {
 public:
  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    const at::Tensor gate = inputs[0].contiguous(), up = inputs[1].contiguous();
    at::Tensor y = empty_as(gate);
    for_type(gate, [&]<typename T>(T*) {
      const SwigluSpan<T> span{in<T>(gate), in<T>(up), out<T>(y)};
      at::parallel_for(0, y.numel(), kNumbersPerTask,
                       [&](std::int64_t begin, std::int64_t end) { swiglu_span(span, begin, end); });
    });
    saved = {gate, up};
    return y;
  }

  Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                   const std::vector<bool>& /*wanted*/) override {
    const at::Tensor &gate = saved[0], &up = saved[1];
    const at::Tensor dy = gradient.contiguous();
    const at::Tensor dgate = empty_as(gate), dup = empty_as(up);
    for_type(gate, [&]<typename T>(T*) {
      const SwigluGradientSpan<T> span{in<T>(dy), in<T>(gate), in<T>(up), out<T>(dgate), out<T>(dup)};
      at::parallel_for(0, dy.numel(), kNumbersPerTask,
                       [&](std::int64_t begin, std::int64_t end) { swiglu_gradient_span(span, begin, end); });
    });
    return {dgate, dup};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight_D, double epsilon) {
  const bool same_type = x.scalar_type() == weight_D.scalar_type();
  if (has_kernel(x) && same_type && weight_D.is_contiguous() && x.numel() > 0)
    return apply_function(std::make_shared<RmsNorm>(epsilon), {x, weight_D});
  const at::ScalarType wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor x_wide = x.to(wide);
  const at::Tensor mean = x_wide.square().mean(-1, true);
  return weight_D * (x_wide * (mean + epsilon).rsqrt()).to(x.scalar_type());
}

at::Tensor rotary(const at::Tensor& x_BTNH, const RotaryAngles& angles) {
  if (has_kernel(x_BTNH) && angles.cos.is_contiguous() && angles.sin.is_contiguous()) {
    return apply_function(std::make_shared<Rotary>(angles), {x_BTNH});
  }
  const at::ScalarType type = x_BTNH.scalar_type();
  const at::Tensor cos = angles.cos.unsqueeze(-2).to(type);
  const at::Tensor sin = angles.sin.unsqueeze(-2).to(type);
  const std::int64_t half = x_BTNH.size(-1) / 2;
  const at::Tensor low = x_BTNH.narrow(-1, 0, half);
  const at::Tensor high = x_BTNH.narrow(-1, half, half);
  return aten::cat({low * cos - high * sin, high * cos + low * sin}, -1);
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) {
  if (has_kernel(gate) && gate.scalar_type() == up.scalar_type())
    return apply_function(std::make_shared<Swiglu>(), {gate, up});
  return aten::silu(gate) * up;
}

at::Tensor dropout(const at::Tensor& x, double probability, const RandomStream& stream) {
  if (probability <= 0) return x;
  const double keep = 1 - probability;
  const at::Tensor kept = empty_as(x).bernoulli_(keep, generator_of(stream, x.device()));
  return x * kept.div_(keep);
}

}  // namespace easylm
