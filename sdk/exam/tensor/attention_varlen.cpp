// Kernels that take sequences end to end, against the formula for each alone.
#include <array>
#include <cmath>
#include <limits>

#include "attention.h"
#include "attention_trial.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm::exam {
namespace {

using Lengths = std::vector<std::int64_t>;

struct VarlenCase {
  const char* name;
  Lengths queries, keys;
  std::int64_t key_heads = 2, shared = 2, width = 16;
  bool causal = true;
  std::int64_t window = 0;
  at::ScalarType dtype = at::kFloat;
};

std::vector<VarlenCase> cases() {
  const Lengths mixed{5, 0, 1, 70, 0, 129, 1};
  return {
      {"sequences of 0, 1 and many tokens", mixed, mixed},
      {"the same in bf16", mixed, mixed, 2, 2, 16, true, 0, at::kBFloat16},
      {"the same, not causal, 3 heads over one", mixed, mixed, 1, 3, 64, false},
      {"the same, window 9, 8 heads over one", mixed, mixed, 1, 8, 16, true, 9},
      {"new tokens behind older ones", {1, 1, 4, 0, 2}, {200, 1, 65, 7, 2}, 2, 4},
      {"more queries than keys, or no keys", {9, 3, 0, 20}, {4, 0, 6, 20}},
      {"one sequence", {130}, {130}, 2, 1, 80},
  };
}

at::Tensor starts_of(const Lengths& lengths) {
  at::Tensor starts = aten::zeros({static_cast<std::int64_t>(lengths.size()) + 1}, at::kInt);
  auto* out = starts.mutable_data_ptr<std::int32_t>();
  for (std::size_t i = 0; i < lengths.size(); ++i)
    out[i + 1] = out[i] + static_cast<std::int32_t>(lengths[i]);
  return starts;
}

VarlenCall call_of(const Subject& subject, const VarlenCase& one) {
  VarlenCall call;
  call.starts_q = starts_of(one.queries);
  call.starts_k = starts_of(one.keys);
  const auto total = [](const at::Tensor& starts) { return starts[-1].item<std::int64_t>(); };
  const auto draw = [&](const char* name, std::int64_t tokens, std::int64_t heads) {
    return noise(subject, name, {tokens, heads, one.width}, one.dtype).requires_grad_();
  };
  call.q_TNH = draw("queries", total(call.starts_q), one.key_heads * one.shared);
  call.k_SKH = draw("keys", total(call.starts_k), one.key_heads);
  call.v_SKH = draw("values", total(call.starts_k), one.key_heads);
  call.causal = one.causal;
  call.window = one.window;
  call.scale = 1 / std::sqrt(static_cast<double>(one.width));
  return call;
}

struct VarlenTrial {
  at::Tensor o_TNH, lse_NT;
  Tensors gradients;
};

VarlenTrial try_it(VarlenAttention& varlen, const VarlenCall& call, const at::Tensor& weights_TNH) {
  const VarlenResult result = varlen.forward_varlen(call);
  expect(result.o_TNH.defined() && result.o_TNH.sizes() == call.q_TNH.sizes() &&
             result.o_TNH.scalar_type() == call.q_TNH.scalar_type(),
         "the output has not the queries' shape and dtype");
  expect(result.o_TNH.requires_grad(), "the output of a call whose inputs need gradients has none");
  return {result.o_TNH.detach(), result.lse_NT,
          gradients_of((result.o_TNH * weights_TNH).sum(), {call.q_TNH, call.k_SKH, call.v_SKH})};
}

// Each sequence by the formula.
VarlenTrial exactly(const VarlenCall& call, const at::Tensor& weights_TNH) {
  const auto *q = call.starts_q.const_data_ptr<std::int32_t>(),
             *k = call.starts_k.const_data_ptr<std::int32_t>();
  Tensors o, lse, dq, dk, dv;
  for (std::int64_t i = 0; i + 1 < call.starts_q.size(0); ++i) {
    const auto part = [i](const at::Tensor& x, const std::int32_t* starts) {
      return x.detach().narrow(0, starts[i], starts[i + 1] - starts[i]).unsqueeze(0);
    };
    AttentionCall one{part(call.q_TNH, q), part(call.k_SKH, k), part(call.v_SKH, k)};
    const at::Tensor weights = part(weights_TNH, q);
    if (one.q_BTNH.size(1) == 0 || one.k_BSKH.size(1) == 0) {
      constexpr double kNothing = -std::numeric_limits<double>::infinity();
      const auto zeros = [](const at::Tensor& x) { return aten::zeros(x.sizes(), at::kDouble)[0]; };
      o.push_back(zeros(one.q_BTNH));
      lse.push_back(aten::full({one.q_BTNH.size(2), one.q_BTNH.size(1)}, kNothing, at::kDouble));
      dq.push_back(zeros(one.q_BTNH));
      dk.push_back(zeros(one.k_BSKH));
      dv.push_back(zeros(one.v_BSKH));
      continue;
    }
    one.mask.causal = call.causal;
    one.mask.window = call.window;
    one.mask.query_offset = one.k_BSKH.size(1) - one.q_BTNH.size(1);
    one.scale = call.scale;
    const Attended wanted = attend_exactly(one, weights);
    o.push_back(wanted.o_BTNH[0]);
    lse.push_back(wanted.lse_BNT[0]);
    dq.push_back(wanted.gradients[0][0]);
    dk.push_back(wanted.gradients[1][0]);
    dv.push_back(wanted.gradients[2][0]);
  }
  return {aten::cat(o), aten::cat(lse, 1), {aten::cat(dq), aten::cat(dk), aten::cat(dv)}};
}

// The extension, if the kernel has it and serves `call`.
VarlenAttention* offered(AttentionKernel& kernel, const VarlenCall& call) {
  auto* varlen = extension_of<VarlenAttention>(kernel);
  if (varlen == nullptr) throw NotApplicable("it takes no sequences end to end");
  try {
    (void)varlen->forward_varlen(call);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    return nullptr;
  }
  return varlen;
}

}  // namespace

void attends_by_sequence(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  int served = 0;
  for (const VarlenCase& one : cases()) {
    note(one.name);
    const std::string where = one.name;
    const VarlenCall call = call_of(subject, one);
    VarlenAttention* varlen = offered(*kernel, call);
    if (varlen == nullptr) continue;
    ++served;
    const at::Tensor weights = noise(subject, "weights", call.q_TNH.sizes(), one.dtype);
    const VarlenTrial found = try_it(*varlen, call, weights), wanted = exactly(call, weights);
    const auto compare = [&](const char* what, const at::Tensor& x, const at::Tensor& exact) {
      const double apart = distance(x, exact);
      expect(apart <= tolerance_of(one.dtype),
             where + ": the " + what + " is wrong by " + text_of(apart) + " of the greatest");
    };
    compare("output", found.o_TNH, wanted.o_TNH);
    expect_right_lse(found.lse_NT, wanted.lse_NT, one.dtype, where);
    compare("gradient of the queries", found.gradients[0], wanted.gradients[0]);
    compare("gradient of the keys", found.gradients[1], wanted.gradients[1]);
    compare("gradient of the values", found.gradients[2], wanted.gradients[2]);
  }
  if (served == 0) throw NotApplicable("it serves none of the calls of this test, which are on the CPU");
}

void keeps_sequences_apart(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  const VarlenCall call = call_of(subject, {"", {40, 70, 1, 33}, {40, 70, 1, 33}});
  VarlenAttention* varlen = offered(*kernel, call);
  if (varlen == nullptr) throw NotApplicable("it doesn't serve sequences in fp32 on the CPU");
  const at::Tensor weights = noise(subject, "weights", call.q_TNH.sizes());
  const VarlenTrial wanted = try_it(*varlen, call, weights);
  VarlenCall other = call;
  for (at::Tensor* x : {&other.q_TNH, &other.k_SKH, &other.v_SKH}) {
    at::Tensor changed = x->detach().clone();
    changed.narrow(0, 40, 70).fill_(std::numeric_limits<double>::quiet_NaN());
    *x = changed.requires_grad_();
  }
  const VarlenTrial found = try_it(*varlen, other, weights);
  for (const auto& [begin, size] : {std::pair{0, 40}, {110, 34}}) {
    const auto same = [&, first = begin, count = size](const at::Tensor& x, const at::Tensor& y) {
      return distance(x.narrow(0, first, count), y.narrow(0, first, count)) <= tolerance_of(at::kFloat);
    };
    expect(same(found.o_TNH, wanted.o_TNH), "beside a sequence of NaN the output of another changes");
    for (std::size_t i = 0; i < 3; ++i) {
      expect(same(found.gradients[i], wanted.gradients[i]),
             "beside a sequence of NaN the gradients of another change");
    }
  }
}

void refuses_bad_starts(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  const VarlenCall good = call_of(subject, {"", {4, 6}, {4, 6}});
  VarlenAttention* varlen = offered(*kernel, good);
  if (varlen == nullptr) throw NotApplicable("it doesn't serve sequences in fp32 on the CPU");
  struct Bad {
    const char* name;
    std::vector<std::int32_t> q, k;
  };
  const std::array<Bad, 6> all{{{"starts that end before the tokens do", {0, 4, 9}, {0, 4, 10}},
                                {"starts that end beyond the tokens", {0, 4, 10}, {0, 4, 11}},
                                {"starts that begin late", {1, 4, 10}, {0, 4, 10}},
                                {"starts that fall", {0, 7, 4, 10}, {0, 4, 7, 10}},
                                {"starts of fewer sequences of keys", {0, 4, 10}, {0, 10}},
                                {"no starts", {}, {}}}};
  for (const Bad& bad : all) {
    const auto tensor_of = [](const std::vector<std::int32_t>& numbers) {
      at::Tensor out = aten::empty({static_cast<std::int64_t>(numbers.size())}, at::kInt);
      std::copy(numbers.begin(), numbers.end(), out.mutable_data_ptr<std::int32_t>());
      return out;
    };
    VarlenCall call = good;
    call.starts_q = tensor_of(bad.q);
    call.starts_k = tensor_of(bad.k);
    note(bad.name);
    expect_refusal(bad.name, {ErrorCode::invalid_config}, [&] { (void)varlen->forward_varlen(call); });
  }
}

}  // namespace easylm::exam
