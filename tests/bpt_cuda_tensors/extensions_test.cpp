// Sequences without padding, keys in pages, and layers in chunks.
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "calls.h"

namespace easylm::testing {
namespace {

at::Tensor int_list(std::vector<std::int32_t> numbers) { return at::tensor(numbers, at::kInt); }

struct Lengths {
  std::vector<std::int32_t> starts_q, starts_k;
};

// Each sequence by the plain formula.
Outcome one_by_one(const VarlenCall& call, const Lengths& lengths) {
  std::vector<at::Tensor> o, lse, q_k_v[3];
  for (std::size_t i = 0; i + 1 < lengths.starts_q.size(); ++i) {
    const auto part = [&](const at::Tensor& x, const std::vector<std::int32_t>& starts) {
      return x.narrow(0, starts[i], starts[i + 1] - starts[i]).unsqueeze(0);
    };
    AttentionCall one;
    one.q_BTNH = part(call.q_TNH, lengths.starts_q);
    one.k_BSKH = part(call.k_SKH, lengths.starts_k);
    one.v_BSKH = part(call.v_SKH, lengths.starts_k);
    one.mask.causal = call.causal;
    one.mask.window = call.window;
    one.mask.query_offset = one.k_BSKH.size(1) - one.q_BTNH.size(1);
    one.scale = call.scale;
    one.want_lse = true;
    for (at::Tensor* x : {&one.q_BTNH, &one.k_BSKH, &one.v_BSKH}) *x = x->to(at::kDouble).requires_grad_();
    const AttentionResult result = reference().forward(one);
    const at::Tensor weights =
        noise("weights", call.q_TNH.sizes().vec()).narrow(0, lengths.starts_q[i], one.q_BTNH.size(1));
    const auto gradients =
        torch::autograd::grad({(result.o_BTNH[0] * weights.to(call.q_TNH.scalar_type())).sum()},
                              {one.q_BTNH, one.k_BSKH, one.v_BSKH});
    o.push_back(result.o_BTNH[0].detach());
    lse.push_back(result.lse_BNT[0]);
    for (std::size_t j = 0; j < 3; ++j) q_k_v[j].push_back(gradients[j][0]);
  }
  return {aten::cat(o), aten::cat(lse, 1), {aten::cat(q_k_v[0]), aten::cat(q_k_v[1]), aten::cat(q_k_v[2])}};
}

VarlenCall varlen_call(const Lengths& lengths) {
  VarlenCall call;
  call.q_TNH = noise("q", {lengths.starts_q.back(), 4, 64}).to(at::kBFloat16).requires_grad_();
  call.k_SKH = noise("k", {lengths.starts_k.back(), 2, 64}).to(at::kBFloat16).requires_grad_();
  call.v_SKH = noise("v", {lengths.starts_k.back(), 2, 64}).to(at::kBFloat16).requires_grad_();
  call.starts_q = int_list(lengths.starts_q);
  call.starts_k = int_list(lengths.starts_k);
  call.scale = 0.125;
  return call;
}

TEST(CudaVarlen, EachSequenceAttendsToItselfAlone) {
  const Lengths same{{0, 0, 1, 18, 90, 90}, {0, 0, 1, 18, 90, 90}};
  const Lengths longer_keys{{0, 2, 2, 20, 21}, {0, 20, 25, 90, 91}};
  bpt_cuda::BptCuda kernel = plugin();
  auto* varlen = extension_of<VarlenAttention>(kernel);
  ASSERT_NE(varlen, nullptr);
  for (const Lengths& lengths : {same, longer_keys}) {
    for (const std::int64_t window : {0, 6}) {
      VarlenCall call = varlen_call(lengths);
      call.window = window;
      const VarlenResult found = varlen->forward_varlen(call);
      const at::Tensor weights = noise("weights", call.q_TNH.sizes().vec()).to(at::kBFloat16);
      const auto gradients =
          torch::autograd::grad({(found.o_TNH * weights).sum()}, {call.q_TNH, call.k_SKH, call.v_SKH});
      const Outcome wanted = one_by_one(call, lengths);
      EXPECT_LT(error(found.o_TNH, wanted.o), tolerance(at::kBFloat16));
      EXPECT_LT(lse_error(found.lse_NT, wanted.lse), 1e-4);
      for (std::size_t i = 0; i < 3; ++i)
        EXPECT_LT(error(gradients[i], wanted.gradients[i]), 2 * tolerance(at::kBFloat16));
    }
  }
}

TEST(CudaVarlen, RefusesStartsThatDontFit) {
  bpt_cuda::BptCuda kernel = plugin();
  const Lengths good{{0, 3, 10}, {0, 3, 10}};
  EXPECT_NO_THROW(kernel.forward_varlen(varlen_call(good)));
  for (const std::vector<std::int32_t>& bad :
       {std::vector<std::int32_t>{0, 3, 9}, {0, 12, 10}, {1, 3, 10}, {0, 3, 3, 10}, {0, 7, 3, 10}, {}}) {
    VarlenCall call = varlen_call(good);
    call.starts_k = int_list(bad);
    try {
      kernel.forward_varlen(call);
      FAIL() << "starts that end at " << (bad.empty() ? -1 : bad.back());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_config) << error.message();
    }
  }
}

// Rows of 0, 1, 40 and 100 tokens in pages that lie in no order.
PagedCall paged_call(std::int64_t queries) {
  PagedCall call;
  call.q_BTNH = noise("q", {4, queries, 4, 64}).to(at::kBFloat16);
  call.k_PSKH = noise("k", {16, 16, 2, 64}).to(at::kBFloat16);
  call.v_PSKH = noise("v", {16, 16, 2, 64}).to(at::kBFloat16);
  call.block_table_BM =
      int_list({9, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 15, 2, 7, 0, 0, 0, 0, 4, 11, 0, 8, 1, 14, 5})
          .view({4, 7});
  call.lengths_B = int_list({0, 1, 40, 100});
  call.scale = 0.125;
  return call;
}

TEST(CudaPaged, ReadsEachRowsPages) {
  bpt_cuda::BptCuda kernel = plugin();
  auto* paged = extension_of<PagedAttention>(kernel);
  ASSERT_NE(paged, nullptr);
  for (const std::int64_t queries : {1, 4, 20}) {
    for (const std::int64_t window : {0, 33}) {
      PagedCall call = paged_call(queries);
      call.window = window;
      const at::Tensor found = paged->forward_paged(call);
      const auto length = call.lengths_B.accessor<std::int32_t, 1>();
      for (std::int64_t row = 0; row < 4; ++row) {
        const auto rows_of = [&](const at::Tensor& x) {
          return x.index_select(0, call.block_table_BM[row])
              .flatten(0, 1)
              .narrow(0, 0, length[row])
              .unsqueeze(0);
        };
        AttentionCall one;
        one.q_BTNH = call.q_BTNH.narrow(0, row, 1).to(at::kDouble);
        one.k_BSKH = rows_of(call.k_PSKH).to(at::kDouble);
        one.v_BSKH = rows_of(call.v_PSKH).to(at::kDouble);
        one.mask.window = window;
        one.mask.query_offset = length[row] - queries;
        one.scale = call.scale;
        EXPECT_LT(error(found.narrow(0, row, 1), reference().forward(one).o_BTNH), tolerance(at::kBFloat16))
            << row;
      }
    }
  }
}

TEST(CudaPaged, RefusesWhatItCantRead) {
  bpt_cuda::BptCuda kernel = plugin();
  PagedCall call = paged_call(1);
  call.k_PSKH = call.k_PSKH.narrow(1, 0, 10);
  call.v_PSKH = call.v_PSKH.narrow(1, 0, 10);
  const auto code = [&] {
    try {
      kernel.forward_paged(call);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code(), ErrorCode::unsupported);
  call = paged_call(1);
  call.lengths_B = call.lengths_B.to(at::kLong);
  EXPECT_EQ(code(), ErrorCode::invalid_config);
  call = paged_call(1);
  call.lengths_B = int_list({0, 1, 40, 113});
  EXPECT_TRUE(kernel.forward_paged(call)[3].isnan().all().item<bool>()) << "a row without enough pages";
}

// A small layer with a projection before and after the attention, and a sum over neither.
struct Layer {
  at::Tensor w_q, w_k, w_v, w_o;
  LayerPieces pieces() const {
    const auto split = [](const at::Tensor& x, std::int64_t heads) { return x.unflatten(2, {heads, 64}); };
    LayerPieces pieces;
    pieces.queries = [=, w = w_q](const at::Tensor& h, TokenSpan) { return split(aten::linear(h, w), 4); };
    pieces.keys_values = [=, k = w_k, v = w_v](const at::Tensor& h, TokenSpan) {
      return LayerPieces::KeysValues{split(aten::linear(h, k), 2), split(aten::linear(h, v), 2)};
    };
    pieces.finish = [w = w_o](const at::Tensor& h, const at::Tensor& o, TokenSpan) {
      return h + aten::linear(o.flatten(2, 3), w);
    };
    pieces.parameters = {w_q, w_k, w_v, w_o};
    return pieces;
  }
};

at::Tensor parameter(const char* name, std::vector<std::int64_t> shape) {
  return noise(name, std::move(shape)).mul(0.2).to(at::kBFloat16).requires_grad_();
}

TEST(CudaLayer, EqualsItsPiecesAtOnce) {
  const Layer layer{parameter("wq", {256, 32}), parameter("wk", {128, 32}), parameter("wv", {128, 32}),
                    parameter("wo", {32, 256})};
  const at::Tensor h = noise("h", {2, 150, 32}).to(at::kBFloat16).requires_grad_();
  const at::Tensor weights = noise("weights", {2, 150, 32}).to(at::kBFloat16);
  const std::vector<at::Tensor> inputs{h, layer.w_q, layer.w_k, layer.w_v, layer.w_o};
  LayerCall call{h, {}, 0.125};
  for (const bool documents : {false, true}) {
    if (documents) {
      call.mask.segments_q_BT = aten::arange(150, at::kInt).floor_divide(40).expand({2, 150});
      call.mask.segments_k_BS = call.mask.segments_q_BT;
    }
    bpt_cuda::BptCuda::Config config;
    config.layer_chunk = 64;
    bpt_cuda::BptCuda kernel(host(), config);
    const LayerPieces pieces = layer.pieces();
    const at::Tensor y = extension_of<BlockwiseLayer>(kernel)->run_layer(call, pieces);
    const auto gradients = torch::autograd::grad({(y * weights).sum()}, inputs);
    config.forward_kernel = "sm90";  // which serves no documents
    bpt_cuda::BptCuda hopper(host(), config);
    EXPECT_EQ(hopper.run_layer(call, pieces).equal(y), documents);

    AttentionCall at_once;
    const LayerPieces::KeysValues keys = pieces.keys_values(h, {0, 150});
    at_once.q_BTNH = pieces.queries(h, {0, 150}).to(at::kDouble);
    at_once.k_BSKH = keys.k_BCKH.to(at::kDouble);
    at_once.v_BSKH = keys.v_BCKH.to(at::kDouble);
    at_once.mask = call.mask;
    at_once.scale = call.scale;
    const at::Tensor o = reference().forward(at_once).o_BTNH.to(at::kBFloat16);
    const at::Tensor wanted = pieces.finish(h, o, {0, 150});
    EXPECT_LT(error(y, wanted), tolerance(at::kBFloat16));
    const auto of_wanted = torch::autograd::grad({(wanted * weights).sum()}, inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) EXPECT_LT(error(gradients[i], of_wanted[i]), 2e-2) << i;
  }
}

}  // namespace
}  // namespace easylm::testing
