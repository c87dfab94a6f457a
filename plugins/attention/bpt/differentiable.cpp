// One node of the graph, which keeps inputs, output and log-sum-exp.
#include "differentiable.h"

#include <memory>
#include <utility>
#include <vector>

#include "attend.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/autograd_function.h"
#include "inputs.h"

namespace easylm::bpt {
namespace {

// Of queries, keys and values.
class Attend : public AutogradFunction {
 public:
  Attend(AttentionMask mask, double scale, const Options& options)
      : mask_(std::move(mask)), scale_(scale), options_(options) {}

  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    const at::Tensor q_BTNH = readable(inputs[0]), k_BSKH = readable(inputs[1]), v_BSKH = readable(inputs[2]);
    Attention attention(problem(k_BSKH), Use::outputs);
    attention.add_keys(k_BSKH, v_BSKH, 0);
    Outputs outputs = attention.forward({q_BTNH, 0});
    lse_BNT_ = outputs.lse_BNT;
    saved = {q_BTNH, k_BSKH, v_BSKH, outputs.o_BTNH};
    return std::move(outputs.o_BTNH);
  }

  Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                   const std::vector<bool>& /*wanted*/) override {
    const at::Tensor &q_BTNH = saved[0], &k_BSKH = saved[1], &v_BSKH = saved[2], &o_BTNH = saved[3];
    Attention attention(problem(k_BSKH), Use::gradients);
    attention.add_keys(k_BSKH, v_BSKH, 0);
    at::Tensor dq_BTNH = attention.backward({q_BTNH, 0, {o_BTNH, lse_BNT_}, readable(gradient)});
    KeyGradients of_keys = attention.gradients({0, k_BSKH.size(1)});
    return {std::move(dq_BTNH), std::move(of_keys.dk_BSKH), std::move(of_keys.dv_BSKH)};
  }

  const at::Tensor& lse() const { return lse_BNT_; }  // a constant to autograd

 private:
  Problem problem(const at::Tensor& k_BSKH) const { return {mask_, scale_, k_BSKH.size(1), options_}; }

  AttentionMask mask_;
  double scale_;
  Options options_;
  at::Tensor lse_BNT_;
};

}  // namespace

AttentionResult attend(const AttentionCall& call, const Options& options) {
  // Scores are scaled after they are hidden as -inf, which only a scale above 0 leaves so.
  const bool usual = call.scale > 0;
  const auto function = std::make_shared<Attend>(contiguous(call.mask), usual ? call.scale : 1, options);
  const at::Tensor q_BTNH = usual ? call.q_BTNH : call.q_BTNH * call.scale;
  at::Tensor o_BTNH = apply_function(function, {q_BTNH, call.k_BSKH, call.v_BSKH});
  return {std::move(o_BTNH), function->lse()};
}

}  // namespace easylm::bpt
