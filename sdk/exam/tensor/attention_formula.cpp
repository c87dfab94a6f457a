// Attention kernels against the formula.
#include <algorithm>
#include <array>
#include <cmath>

#include "attention.h"
#include "attention_trial.h"
#include "easylm/tensor/aten.h"

namespace easylm::exam {
namespace {

constexpr std::array<std::int64_t, 11> kLengths{1, 7, 63, 64, 65, 127, 128, 129, 255, 256, 257};
constexpr std::array<std::int64_t, 8> kBackwardLengths{1, 7, 63, 64, 65, 127, 128, 129};

double greatest(const at::Tensor& x) { return x.abs().max().item<double>(); }

void expect_right_gradients(const AttentionCall& call, const Tensors& found, const Tensors& wanted,
                            const std::string& where) {
  const double tolerance = tolerance_of(call.q_BTNH.scalar_type());
  const std::array<const char*, 3> names{"queries", "keys", "values"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string what = where + ": the gradient of the " + names[i];
    expect(found[i].defined(), what + " is missing");
    // A gradient that is nothing but cancellation, as that of a query with one key, is measured beside
    // others.
    const double own = greatest(wanted[i]), size = std::max(own, greatest(wanted[2]) / 10);
    const double apart = greatest(found[i].to(at::kDouble) - wanted[i]) / size;
    expect(apart <= tolerance,
           what + " is wrong by " + text_of(apart) + " of the greatest, and may be by " + text_of(tolerance));
  }
}

// Queries of which some see no key: of a document without keys, beyond the window, or told to forget all.
std::array<AttentionCall, 3> blind_calls(const Subject& subject) {
  const AttentionCase plain{.batch = 2, .queries = 9, .keys = 9, .key_heads = 2, .shared = 2};
  AttentionCase away = plain;
  away.offset = 6;
  away.window = 4;
  std::array<AttentionCall, 3> calls{call_of(subject, plain), call_of(subject, away), call_of(subject, away)};
  calls[0].mask.segments_k_BS = aten::zeros({2, 9}, at::kInt);
  calls[0].mask.segments_q_BT = aten::zeros({2, 9}, at::kInt);
  calls[0].mask.segments_q_BT.narrow(1, 0, 2).fill_(5);
  calls[0].mask.segments_q_BT[1][8].fill_(3);
  calls[2].mask.window = 0;
  calls[2].mask.keep_BS = aten::zeros({2, 9}, at::kBool);
  return calls;
}

// Every combination of what a query can ask for.
template <typename Action>
void for_every_combination(const Subject& subject, Action action) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
    for (unsigned bits = 0; bits < 128; ++bits) {
      const auto bit = [&](unsigned i) { return (bits >> i & 1U) != 0; };
      AttentionCase one{.batch = 2, .queries = 5, .keys = 5, .key_heads = 1, .shared = 2};
      one.dtype = dtype;
      one.causal = bit(0);
      one.window = bit(1) ? 3 : 0;
      one.segments = bit(2);
      one.keep = bit(3);
      one.lse = bit(4);
      AttentionCall call = call_of(subject, one);
      call.dropout = bit(5) ? 0.5 : 0;
      if (bit(6)) call = as_leaves(call);
      action(call, text_of(one) + (bit(5) ? ", dropout" : "") + (bit(6) ? ", in training" : ""));
    }
  }
}

}  // namespace

void follows_the_formula(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  for (const AttentionCase& one : sample_cases(subject, 60, kLengths)) {
    const AttentionCall call = call_of(subject, one);
    const std::string where = text_of(one);
    if (!served.counts(*kernel, call, where)) continue;
    expect_right(call, kernel->forward(call), attend_exactly(call), where);
  }
  served.conclude();
}

void has_the_formulas_gradients(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  for (const AttentionCase& one : sample_cases(subject, 30, kBackwardLengths)) {
    const AttentionCall call = call_of(subject, one);
    const std::string where = text_of(one);
    if (!served.counts(*kernel, as_leaves(call), where)) continue;
    const AttentionTrial trial(subject, *kernel, call);
    const Attended wanted = attend_exactly(call, trial.weights_BTNH);
    expect_right_gradients(call, trial.found.gradients, wanted.gradients, where);
    AttentionCall values_only = call;
    values_only.v_BSKH = call.v_BSKH.detach().requires_grad_();
    if (!serves(*kernel, values_only)) continue;
    const at::Tensor o_BTNH = kernel->forward(values_only).o_BTNH;
    const Tensors alone = gradients_of((o_BTNH * trial.weights_BTNH).sum(), {values_only.v_BSKH});
    expect(distance(alone[0], wanted.gradients[2]) <= tolerance_of(one.dtype),
           where + ": the gradient of the values is another one where nothing else needs a gradient");
  }
  served.conclude();
}

void gives_the_log_sum_exp(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  for (AttentionCase one : sample_cases(subject, 20, kBackwardLengths)) {
    one.lse = true;
    const AttentionCall call = call_of(subject, one);
    const std::string where = text_of(one);
    if (!served.counts(*kernel, call, where)) continue;
    expect_right_lse(kernel->forward(call).lse_BNT, attend_exactly(call).lse_BNT, one.dtype, where);
  }
  served.conclude();
}

void gives_blind_queries_nothing(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  const std::array<const char*, 3> names{"of a document without keys", "beyond the window",
                                         "beyond keys that are to be forgotten"};
  const std::array<AttentionCall, 3> calls = blind_calls(subject);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    AttentionCall call = calls[i];
    call.want_lse = true;
    call.want_lse = serves(*kernel, as_leaves(call));
    if (!served.counts(*kernel, as_leaves(call), std::string("queries ") + names[i])) continue;
    const std::string where = std::string("with queries ") + names[i];
    const AttentionTrial trial(subject, *kernel, call);
    const Attended wanted = attend_exactly(call, trial.weights_BTNH);
    const at::Tensor blind_BNT = wanted.lse_BNT.isinf();
    const at::Tensor blind_BTN1 = blind_BNT.transpose(1, 2).unsqueeze(-1);
    expect(trial.found.o_BTNH.masked_select(blind_BTN1).eq(0).all().item<bool>(),
           where + ": the output of a query that sees no key is not zero");
    for (const at::Tensor& gradient : trial.found.gradients) {
      expect(all_finite(gradient), where + ": a gradient is not finite");
    }
    expect(trial.found.gradients[0].masked_select(blind_BTN1).eq(0).all().item<bool>(),
           where + ": the gradient of a query that sees no key is not zero");
    expect_right(call, {trial.found.o_BTNH, trial.found.lse_BNT}, wanted, where);
  }
  served.conclude();
}

void says_what_it_serves(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  for_every_combination(subject, [&](const AttentionCall& call, const std::string& what) {
    note(what);
    const Support support = kernel->supports(query_of(call));
    expect(std::isfinite(support.score) && support.score >= 0,
           what + ": the score is " + text_of(support.score));
    if (support.score == 0) {
      expect(!support.reason.empty(), what + ": supports() says no, and not why");
      expect_refusal(what, {ErrorCode::unsupported}, [&] { (void)kernel->forward(call); });
      return;
    }
    const AttentionResult result = kernel->forward(call);
    if (call.dropout == 0) return expect_right(call, result, attend_exactly(call), what);
    expect(all_finite(result.o_BTNH), what + ": the output is not finite");
  });
}

}  // namespace easylm::exam
