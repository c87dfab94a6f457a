// Sequences that lie end to end, as attention kernels serve them by an extension.
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "calls.h"
#include "easylm/error.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm::testing {
namespace {

VarlenResult forward(const VarlenCall& call) {
  const auto attention = kernel("bpt");
  return extension_of<VarlenAttention>(*attention)->forward_varlen(call);
}

at::Tensor starts(const std::vector<std::int64_t>& lengths) {
  std::vector<std::int32_t> list(1, 0);
  for (const std::int64_t length : lengths) list.push_back(list.back() + static_cast<std::int32_t>(length));
  return at::tensor(list, at::kInt);
}

VarlenCall call_of(const std::vector<std::int64_t>& queries, const std::vector<std::int64_t>& keys) {
  VarlenCall call;
  call.starts_q = starts(queries);
  call.starts_k = starts(keys);
  const std::int64_t num_queries = call.starts_q[-1].item<std::int32_t>();
  const std::int64_t num_keys = call.starts_k[-1].item<std::int32_t>();
  call.q_TNH = noise("q", {num_queries, 4, 16}).to(at::kFloat).requires_grad_();
  call.k_SKH = noise("k", {num_keys, 2, 16}).to(at::kFloat).requires_grad_();
  call.v_SKH = noise("v", {num_keys, 2, 16}).to(at::kFloat).requires_grad_();
  call.scale = 0.25;
  return call;
}

// Each sequence as a call of its own must be what the call of all gives, and its gradients.
void expect_each_alone(const VarlenCall& call, const std::vector<std::int64_t>& queries,
                       const std::vector<std::int64_t>& keys) {
  const VarlenResult result = forward(call);
  const at::Tensor weights = noise("weights", result.o_TNH.sizes().vec()).to(at::kFloat);
  const auto found = torch::autograd::grad({result.o_TNH}, {call.q_TNH, call.k_SKH, call.v_SKH}, {weights});
  std::int64_t query = 0, key = 0;
  for (std::size_t i = 0; i < queries.size(); query += queries[i], key += keys[i], ++i) {
    if (queries[i] == 0) continue;
    if (keys[i] == 0) {
      EXPECT_EQ(result.o_TNH.narrow(0, query, queries[i]).abs().max().item<double>(), 0);
      EXPECT_EQ(result.lse_NT.narrow(1, query, queries[i]).max().item<double>(),
                -std::numeric_limits<double>::infinity());
      continue;
    }
    AttentionCall alone;
    const auto part = [](const at::Tensor& x, std::int64_t begin, std::int64_t size) {
      return x.detach().narrow(0, begin, size).unsqueeze(0).to(at::kDouble).requires_grad_();
    };
    alone.q_BTNH = part(call.q_TNH, query, queries[i]);
    alone.k_BSKH = part(call.k_SKH, key, keys[i]);
    alone.v_BSKH = part(call.v_SKH, key, keys[i]);
    alone.mask.causal = call.causal;
    alone.mask.window = call.window;
    alone.mask.query_offset = keys[i] - queries[i];
    alone.scale = call.scale;
    const at::Tensor o = kernel("reference")->forward(alone).o_BTNH;
    const auto wanted =
        torch::autograd::grad({o}, {alone.q_BTNH, alone.k_BSKH, alone.v_BSKH},
                              {weights.narrow(0, query, queries[i]).unsqueeze(0).to(at::kDouble)});
    EXPECT_LT(distance(result.o_TNH.narrow(0, query, queries[i]), o.squeeze(0)), 2e-6) << i;
    EXPECT_LT(distance(found[0].narrow(0, query, queries[i]), wanted[0].squeeze(0)), 5e-6) << i;
    EXPECT_LT(distance(found[1].narrow(0, key, keys[i]), wanted[1].squeeze(0)), 5e-6) << i;
    EXPECT_LT(distance(found[2].narrow(0, key, keys[i]), wanted[2].squeeze(0)), 5e-6) << i;
  }
}

TEST(BptVarlen, LetsEachSequenceAttendToItselfAlone) {
  const std::vector<std::int64_t> lengths = {3, 0, 1, 70, 129, 0};
  VarlenCall call = call_of(lengths, lengths);
  expect_each_alone(call, lengths, lengths);
  call.window = 20;
  expect_each_alone(call, lengths, lengths);
  call.causal = false;
  expect_each_alone(call, lengths, lengths);
}

TEST(BptVarlen, PutsTheLastQueryAtTheLastKey) {
  const std::vector<std::int64_t> queries = {2, 0, 40, 1, 5}, keys = {9, 4, 40, 300, 0};
  expect_each_alone(call_of(queries, keys), queries, keys);
}

TEST(BptVarlen, ServesNoSequencesAtAll) {
  const VarlenResult result = forward(call_of({}, {}));
  EXPECT_EQ(result.o_TNH.sizes(), (std::vector<std::int64_t>{0, 4, 16}));
  EXPECT_EQ(result.lse_NT.sizes(), (std::vector<std::int64_t>{4, 0}));
}

TEST(BptVarlen, RefusesStartsThatDoNotFit) {
  const VarlenCall good = call_of({3, 4}, {3, 4});
  const auto refusal = [&](const at::Tensor& starts_q) {
    VarlenCall call = good;
    call.starts_q = starts_q;
    try {
      forward(call);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_config);
      return std::string(error.message());
    }
    return std::string("none");
  };
  const auto list = [](std::vector<std::int32_t> numbers) { return at::tensor(numbers, at::kInt); };
  EXPECT_NE(refusal(list({1, 3, 7})).find("begins with 1"), std::string::npos);
  EXPECT_NE(refusal(list({0, 9, 7})).find("falls from 9 to 7"), std::string::npos);
  EXPECT_NE(refusal(list({0, 3, 6})).find("ends with 6, but there are 7"), std::string::npos);
  EXPECT_NE(refusal(list({0, 7})).find("1 sequences"), std::string::npos);
  EXPECT_NE(refusal(list({})).find("not empty"), std::string::npos);
  EXPECT_NE(refusal(at::tensor({0, 3, 7}, at::kLong)).find("int32"), std::string::npos);
  EXPECT_EQ(refusal(good.starts_q), "none");
}

}  // namespace
}  // namespace easylm::testing
