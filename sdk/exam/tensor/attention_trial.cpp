// Calls a kernel and holds its answer against the formula.
#include "attention_trial.h"

#include <algorithm>
#include <utility>

#include "easylm/tensor/aten.h"

namespace easylm::exam {

bool serves(const AttentionKernel& kernel, const AttentionCall& call) {
  return kernel.supports(query_of(call)).score > 0;
}

AttentionCall as_leaves(AttentionCall call) {
  for (at::Tensor* x : {&call.q_BTNH, &call.k_BSKH, &call.v_BSKH}) *x = x->detach().requires_grad_();
  return call;
}

AttentionTrial::AttentionTrial(const Subject& subject, AttentionKernel& kernel, const AttentionCall& call)
    : weights_BTNH(noise(subject, "weights", call.q_BTNH.sizes(), call.q_BTNH.scalar_type())) {
  const AttentionCall leaves = as_leaves(call);
  const AttentionResult result = kernel.forward(leaves);
  expect(result.o_BTNH.requires_grad(), "the output of a call whose inputs need gradients has none");
  found.o_BTNH = result.o_BTNH.detach();
  found.lse_BNT = result.lse_BNT;
  found.gradients =
      gradients_of((result.o_BTNH * weights_BTNH).sum(), {leaves.q_BTNH, leaves.k_BSKH, leaves.v_BSKH});
}

Tensors AttentionTrial::all() const {
  Tensors all{found.o_BTNH, found.lse_BNT};
  all.insert(all.end(), found.gradients.begin(), found.gradients.end());
  return all;
}

bool Served::counts(const AttentionKernel& kernel, const AttentionCall& call, const std::string& what) {
  note(what);
  const bool served = serves(kernel, call);
  count_ += served ? 1 : 0;
  return served;
}

void Served::conclude() const {
  if (count_ == 0) throw NotApplicable("it serves none of the calls of this test, which are on the CPU");
}

void expect_right_lse(const at::Tensor& found, const at::Tensor& wanted, at::ScalarType dtype,
                      const std::string& where) {
  expect(found.defined(), where + ": no log-sum-exp came, though it was wanted");
  const at::ScalarType type = dtype == at::kDouble ? at::kDouble : at::kFloat;
  expect(
      found.sizes() == wanted.sizes() && (found.scalar_type() == type || found.scalar_type() == at::kFloat),
      where + ": the log-sum-exp is not fp32 of shape [B, N, T]");
  const at::Tensor blind = wanted.isinf();
  expect(aten::equal(found.isinf() & (found < 0), blind),
         where + ": the log-sum-exp is not -inf for just those queries that see no key");
  const double tolerance = found.scalar_type() == at::kFloat ? std::max(tolerance_of(dtype), 1e-5) : 1e-12;
  const double apart = distance(found.masked_fill(blind, 0), wanted.masked_fill(blind, 0));
  expect(apart <= tolerance, where + ": the log-sum-exp is wrong by " + text_of(apart) + " of the greatest");
}

void expect_right(const AttentionCall& call, const AttentionResult& result, const Attended& wanted,
                  const std::string& where) {
  const at::ScalarType dtype = call.q_BTNH.scalar_type();
  expect(result.o_BTNH.defined() && result.o_BTNH.sizes() == call.q_BTNH.sizes() &&
             result.o_BTNH.scalar_type() == dtype,
         where + ": the output has not the queries' shape and dtype");
  const double apart = distance(result.o_BTNH, wanted.o_BTNH);
  expect(apart <= tolerance_of(dtype), where + ": the output is wrong by " + text_of(apart) +
                                           " of the greatest, and may be by " + text_of(tolerance_of(dtype)));
  if (call.want_lse) expect_right_lse(result.lse_BNT, wanted.lse_BNT, dtype, where);
}

}  // namespace easylm::exam
