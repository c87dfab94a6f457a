// Attention kernels against themselves: calls that must have the same answer, or as good as the same.
#include <array>
#include <limits>

#include "attention.h"
#include "attention_trial.h"
#include "easylm/tensor/aten.h"

namespace easylm::exam {
namespace {

constexpr AttentionCase kPlain{
    .batch = 3, .queries = 70, .keys = 70, .key_heads = 2, .shared = 3, .width = 24};
constexpr std::array<at::ScalarType, 2> kTypes{at::kFloat, at::kBFloat16};
constexpr std::array<const char*, 5> kNames{"output", "log-sum-exp", "gradient of the queries",
                                            "gradient of the keys", "gradient of the values"};

AttentionCase plain(at::ScalarType dtype) {
  AttentionCase one = kPlain;
  one.dtype = dtype;
  return one;
}

// Throws Finding unless each of `found` is as good as the same as `wanted`.
void expect_close(const Tensors& found, const Tensors& wanted, at::ScalarType dtype,
                  const std::string& where) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!wanted[i].defined()) continue;
    const double apart = distance(found[i], wanted[i]);
    expect(apart <= tolerance_of(dtype),
           where + ": the " + kNames[i] + " is another one, by " + text_of(apart) + " of the greatest");
  }
}

// The same numbers, lying in memory in another way.
at::Tensor heads_first(const at::Tensor& x) { return x.transpose(1, 2).contiguous().transpose(1, 2); }
at::Tensor width_apart(const at::Tensor& x) { return x.transpose(1, 3).contiguous().transpose(1, 3); }
at::Tensor cut_out(const at::Tensor& x) {
  return aten::cat({x, x.mul(2), x.mul(3)}, 2).narrow(2, 0, x.size(2));
}

}  // namespace

void reads_any_strides(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  for (const at::ScalarType dtype : kTypes) {
    const AttentionCall call = call_of(subject, plain(dtype));
    if (!served.counts(*kernel, as_leaves(call), text_of(plain(dtype)))) continue;
    const Tensors wanted = AttentionTrial(subject, *kernel, call).all();
    const auto compare = [&](const char* what, at::Tensor (*lay)(const at::Tensor&)) {
      note(what);
      AttentionCall other = call;
      for (at::Tensor* x : {&other.q_BTNH, &other.k_BSKH, &other.v_BSKH}) *x = lay(*x);
      expect_close(AttentionTrial(subject, *kernel, other).all(), wanted, dtype, what);
    };
    compare("with heads before tokens in memory", heads_first);
    compare("with a head's numbers apart in memory", width_apart);
    compare("with tensors cut out of greater ones", cut_out);
    note("with one row for all, expanded");
    AttentionCall expanded = call;
    for (at::Tensor* x : {&expanded.q_BTNH, &expanded.k_BSKH, &expanded.v_BSKH}) {
      *x = x->narrow(0, 0, 1).expand(x->sizes());
    }
    const at::Tensor o_BTNH = kernel->forward(expanded).o_BTNH;
    for (std::int64_t row = 0; row < call.q_BTNH.size(0); ++row) {
      expect_close({o_BTNH[row]}, {wanted[0][0]}, dtype, "with one row for all, expanded");
    }
  }
  served.conclude();
}

void is_deterministic(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  for (const at::ScalarType dtype : kTypes) {
    const AttentionCall call = call_of(subject, plain(dtype));
    if (!served.counts(*kernel, as_leaves(call), text_of(plain(dtype)))) continue;
    const Tensors first = AttentionTrial(subject, *kernel, call).all();
    AttentionCase other = plain(dtype);
    other.queries = other.keys = 9;
    (void)AttentionTrial(subject, *kernel, call_of(subject, other));
    const Tensors second = AttentionTrial(subject, *kernel, call).all();
    for (std::size_t i = 0; i < first.size(); ++i) {
      expect(same_bits(first[i], second[i]),
             std::string("the ") + kNames[i] + " differs in some bits when the same is asked again");
    }
  }
  served.conclude();
}

void serves_many_threads(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  std::array<AttentionCall, 4> calls;
  std::array<at::Tensor, 4> wanted;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    AttentionCase one = kPlain;
    one.queries = one.keys = 20 + 13 * static_cast<std::int64_t>(i);
    calls[i] = call_of(subject, one);
    if (!serves(*kernel, calls[i])) throw NotApplicable("it doesn't serve " + text_of(one));
    wanted[i] = kernel->forward(calls[i]).o_BTNH;
  }
  on_four_threads([&](int thread) {
    const auto i = static_cast<std::size_t>(thread);
    for (int round = 0; round < 20; ++round) {
      expect(same_bits(kernel->forward(calls[i]).o_BTNH, wanted[i]),
             "the output is another one while other threads call");
    }
  });
}

void leaves_inputs_alone(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  AttentionCase one = kPlain;
  one.segments = one.keep = true;
  const AttentionCall call = call_of(subject, one);
  if (!serves(*kernel, as_leaves(call))) throw NotApplicable("it doesn't serve " + text_of(one));
  const AttentionMask& mask = call.mask;
  const Tensors inputs{call.q_BTNH,        call.k_BSKH,        call.v_BSKH,
                       mask.segments_q_BT, mask.segments_k_BS, mask.keep_BS};
  const Tensors before = copies_of(inputs);
  (void)kernel->forward(call);
  (void)AttentionTrial(subject, *kernel, call);
  const std::array<const char*, 6> names{"queries",           "keys",           "values",
                                         "queries' segments", "keys' segments", "tokens to keep"};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    expect(same_bits(inputs[i], before[i]), std::string("the ") + names[i] + " were changed");
  }
}

void keeps_rows_apart(const Subject& subject) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  for (const at::ScalarType dtype : kTypes) {
    const AttentionCall call = call_of(subject, plain(dtype));
    if (!served.counts(*kernel, as_leaves(call), text_of(plain(dtype)))) continue;
    const Tensors wanted = AttentionTrial(subject, *kernel, call).all();
    AttentionCall other_row = call;
    for (at::Tensor* x : {&other_row.q_BTNH, &other_row.k_BSKH, &other_row.v_BSKH}) {
      *x = x->clone();
      (*x)[1].fill_(kNan);
    }
    const Tensors found = AttentionTrial(subject, *kernel, other_row).all();
    for (const std::int64_t row : {0, 2}) {
      Tensors found_row, wanted_row;
      for (std::size_t i = 0; i < found.size(); ++i) {
        found_row.push_back(found[i].defined() ? found[i][row] : found[i]);
        wanted_row.push_back(wanted[i].defined() ? wanted[i][row] : wanted[i]);
      }
      expect_close(found_row, wanted_row, dtype, "beside a row of NaN");
    }
    AttentionCall other_query = call;
    other_query.q_BTNH = call.q_BTNH.clone();
    other_query.q_BTNH.select(1, 40).fill_(kNan);
    const at::Tensor o_BTNH = kernel->forward(other_query).o_BTNH;
    expect_close({o_BTNH.narrow(1, 0, 40)}, {wanted[0].narrow(1, 0, 40)}, dtype, "before a query of NaN");
    expect_close({o_BTNH.narrow(1, 41, 29)}, {wanted[0].narrow(1, 41, 29)}, dtype, "after a query of NaN");
  }
  served.conclude();
}

void ignores_unseen_keys(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  for (const at::ScalarType dtype : kTypes) {
    AttentionCall call = call_of(subject, plain(dtype));
    call.mask.segments_q_BT = aten::zeros({3, 70}, at::kInt);
    call.mask.segments_k_BS = aten::zeros({3, 70}, at::kInt);
    call.mask.segments_k_BS.narrow(1, 33, 9).fill_(7);
    if (!served.counts(*kernel, as_leaves(call), text_of(plain(dtype)) + ", keys of no query's document")) {
      continue;
    }
    const Tensors wanted = AttentionTrial(subject, *kernel, call).all();
    AttentionCall garbage = call;
    for (at::Tensor* x : {&garbage.k_BSKH, &garbage.v_BSKH}) {
      *x = x->clone();
      x->narrow(1, 33, 9).fill_(1e30);
    }
    expect_close(AttentionTrial(subject, *kernel, garbage).all(), wanted, dtype,
                 "with 1e30 in keys and values that nobody sees");
  }
  served.conclude();
}

void survives_extreme_logits(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  Served served;
  for (const at::ScalarType dtype : kTypes) {
    AttentionCall call = call_of(subject, plain(dtype));
    call.scale *= 2500;  // of scores between -4 and 4
    if (!served.counts(*kernel, as_leaves(call), text_of(plain(dtype)) + ", scale x 2500")) continue;
    const AttentionTrial trial(subject, *kernel, call);
    const double greatest = call.v_BSKH.abs().max().item<double>() * (1 + tolerance_of(dtype));
    expect(all_finite(trial.found.o_BTNH), "the output is not finite");
    expect(trial.found.o_BTNH.abs().max().item<double>() <= greatest,
           "the output is greater than any value that it could be an average of");
    for (const at::Tensor& gradient : trial.found.gradients) {
      expect(all_finite(gradient), "a gradient is not finite");
    }
  }
  served.conclude();
}

void drops_by_its_seed(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  AttentionCall call = call_of(subject, {.batch = 2, .queries = 64, .keys = 64, .key_heads = 2});
  call.mask.causal = false;
  call.v_BSKH = aten::ones(call.v_BSKH.sizes());  // the output is what is left of the probabilities
  call.dropout = 0.25;
  call.dropout_seed = 3;
  if (!serves(*kernel, as_leaves(call))) throw NotApplicable("it has no dropout");
  const AttentionTrial once(subject, *kernel, call), again(subject, *kernel, call);
  expect(same_bits(once.all(), again.all()), "the same seed drops others the second time");
  const double mean = once.found.o_BTNH.mean().item<double>();
  expect(mean > 0.95 && mean < 1.05, "with a quarter dropped the probabilities add up to " + text_of(mean) +
                                         " on average, and should to 1");
  expect(once.found.o_BTNH.std().item<double>() > 1e-3, "nothing is dropped");
  // The output is linear in the values, so this tells whether the gradient dropped the same ones.
  const double forward = (once.found.o_BTNH * once.weights_BTNH).sum(at::kDouble).item<double>();
  const double backward = (once.found.gradients[2] * call.v_BSKH).sum(at::kDouble).item<double>();
  expect(std::abs(forward - backward) <= 1e-3 * (1 + std::abs(forward)),
         "the gradient is not that of the probabilities that were kept");
  call.dropout_seed = 4;
  expect(!same_bits(kernel->forward(call).o_BTNH, once.found.o_BTNH), "another seed drops the same ones");
}

}  // namespace easylm::exam
