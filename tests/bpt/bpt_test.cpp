// Blockwise attention by every instruction set, in blocks and chunks of many sizes, on any number of threads.
#include <ATen/Parallel.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "bpt/differentiable.h"
#include "bpt/layer.h"
#include "calls.h"
#include "easylm/error.h"

namespace easylm::testing {
namespace {

Attend with(const bpt::Options& options) {
  return [options](const AttentionCall& call) { return bpt::attend(call, options); };
}

// Rounding of what is stored in this dtype.
double tolerance(at::ScalarType type) { return type == at::kFloat ? 2e-6 : type == at::kHalf ? 1e-3 : 8e-3; }

class Instructions : public ::testing::TestWithParam<InstructionSet> {
 protected:
  void SetUp() override {
    if (!has_instructions(GetParam())) GTEST_SKIP() << "this processor does not have them";
  }
  std::vector<at::ScalarType> dtypes() const {
    if (GetParam() == InstructionSet::avx512_bf16) return {at::kBFloat16};
    return {at::kFloat, at::kBFloat16, at::kHalf};
  }
};

constexpr Shape kShapes[] = {{1, 1, 1, 1, 1, 8},      {2, 7, 7, 4, 2, 16},     {1, 63, 65, 2, 1, 20},
                             {1, 129, 257, 3, 1, 64}, {1, 470, 470, 2, 2, 72}, {2, 1, 300, 2, 2, 33}};

TEST_P(Instructions, AgreeWithTheFormulaInEveryDtypeUnderEveryMask) {
  for (const at::ScalarType type : dtypes()) {
    for (const Shape& shape : kShapes) {
      AttentionCall call = call_of(shape, type);
      AttentionCall windowed = call, packed = call, two_sided = call, forgetful = call;
      windowed.mask.window = 70;
      add_documents(packed, 50);
      packed.mask.window = 60;
      two_sided.mask.causal = false;
      add_documents(two_sided, 100);
      forgetful.mask.keep_BS = noise("keep", {shape.batch, shape.keys}) > -0.5;
      for (const AttentionCall& masked : {call, windowed, packed, two_sided, forgetful}) {
        const Outcome wanted = formula(masked);
        const Outcome found = outcome_of(with({.instructions = GetParam()}), masked);
        const std::string where = std::string(c10::toString(type)) + " keys " + std::to_string(shape.keys);
        EXPECT_LT(distance(found, wanted), tolerance(type)) << where;
        EXPECT_LT(distance(found.lse, wanted.lse), type == at::kFloat ? 1e-6 : 1e-5) << where;
      }
    }
  }
}

TEST_P(Instructions, SurviveLogitsOfTenThousandAndGiveZerosWhereNothingIsSeen) {
  AttentionCall call = call_of({1, 150, 150, 2, 1, 16}, dtypes()[0]);
  call.q_BTNH.mul_(1e2);
  call.k_BSKH.mul_(1e2);
  add_documents(call, 40);
  call.mask.segments_q_BT.narrow(1, 100, 30).fill_(99);
  const Outcome found = outcome_of(with({.instructions = GetParam()}), call);
  for (const at::Tensor& x : {found.o, found.dq, found.dk, found.dv}) {
    EXPECT_TRUE(x.isfinite().all().item<bool>());
  }
  EXPECT_LT(distance(found.o, formula(call).o), 1e-2);
  EXPECT_EQ(found.o.narrow(1, 100, 30).abs().max().item<double>(), 0);
  EXPECT_EQ(found.dq.narrow(1, 100, 30).abs().max().item<double>(), 0);
  EXPECT_EQ(found.lse.narrow(2, 100, 30).max().item<double>(), -std::numeric_limits<double>::infinity());
}

std::string name_of(InstructionSet set) {
  switch (set) {
    case InstructionSet::portable:
      return "portable";
    case InstructionSet::avx2:
      return "avx2";
    case InstructionSet::avx512:
      return "avx512";
    case InstructionSet::avx512_bf16:
      return "avx512_bf16";
  }
  return "unknown";
}

INSTANTIATE_TEST_SUITE_P(Bpt, Instructions,
                         ::testing::Values(InstructionSet::portable, InstructionSet::avx2,
                                           InstructionSet::avx512, InstructionSet::avx512_bf16),
                         [](const auto& test) { return name_of(test.param); });

TEST(Bpt, GivesTheSameWhateverTheBlocks) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    AttentionCall call = call_of({1, 700, 700, 2, 1, 16}, type);
    call.mask.window = 300;
    const Outcome wanted = formula(call);
    for (const bpt::BlockSizes sizes : {bpt::BlockSizes{1, 1}, {100, 448}, {14, 224}, {1000, 300}}) {
      EXPECT_LT(distance(outcome_of(with({.sizes = sizes}), call), wanted), tolerance(type))
          << sizes.queries << " " << sizes.keys;
    }
  }
}

TEST(Bpt, GivesTheSameBitsWithAnyNumberOfThreadsForAnyNumberOfHeads) {
  const bpt::Options options{.sizes = {56, 224}};  // many blocks wait for each other
  const int before = at::get_num_threads();
  for (const std::int64_t key_heads : {1, 5}) {
    AttentionCall call = call_of({1, 900, 900, key_heads == 1 ? 3 : 5, key_heads, 32}, at::kBFloat16);
    for (const std::int64_t window : {0, 250}) {
      call.mask.window = window;
      at::set_num_threads(1);
      const Outcome alone = outcome_of(with(options), call);
      for (const int threads : {2, 3, 7, 7, 7}) {
        at::set_num_threads(threads);
        EXPECT_TRUE(same_bits(outcome_of(with(options), call), alone)) << key_heads << " on " << threads;
      }
    }
  }
  at::set_num_threads(before);
}

TEST(Bpt, NeverTouchesBlocksThatAreHidden) {
  AttentionCall call = call_of({1, 1344, 1344, 1, 1, 16}, at::kFloat);
  add_documents(call, 448);
  const Outcome clean = outcome_of(with({}), call);
  // A weight of 0 would not hide these values; the other documents never meet them.
  call.v_BSKH.narrow(1, 448, 448).fill_(std::numeric_limits<double>::infinity());
  const Outcome found = outcome_of(with({}), call);
  for (const std::int64_t begin : {0, 896}) {
    EXPECT_TRUE(aten::equal(found.o.narrow(1, begin, 448), clean.o.narrow(1, begin, 448)));
    EXPECT_TRUE(aten::equal(found.dk.narrow(1, begin, 448), clean.dk.narrow(1, begin, 448)));
  }
  EXPECT_FALSE(found.o.isfinite().all().item<bool>());
}

TEST(Bpt, SeesDocumentsThatComeBack) {
  AttentionCall call = call_of({1, 400, 400, 2, 2, 16}, at::kFloat);
  add_documents(call, 100);
  const at::Tensor folded = call.mask.segments_k_BS.remainder(2).contiguous();  // 0 1 0 1
  call.mask.segments_q_BT = call.mask.segments_k_BS = folded;
  EXPECT_LT(distance(outcome_of(with({}), call), formula(call)), tolerance(at::kFloat));
}

TEST(Bpt, ServesScalesOfZeroAndBelow) {
  for (const double scale : {0.0, -0.5}) {
    AttentionCall call = call_of({1, 40, 40, 2, 1, 16}, at::kFloat);
    call.scale = scale;
    const Outcome found = outcome_of(with({}), call), wanted = formula(call);
    EXPECT_LT(distance(found.o, wanted.o), tolerance(at::kFloat));
    EXPECT_LT(distance(found.dv, wanted.dv), tolerance(at::kFloat));
    EXPECT_LT(distance(found.dq, wanted.dq), tolerance(at::kFloat));
  }
}

TEST(Bpt, RoundsBf16NoWorseThanTwiceTorchsOwnKernel) {
  const AttentionCall call = call_of({1, 600, 600, 4, 4, 64}, at::kBFloat16);
  const Attend torchs = [](const AttentionCall& same) -> AttentionResult {
    const at::Tensor o_BNTH =
        at::scaled_dot_product_attention(same.q_BTNH.transpose(1, 2), same.k_BSKH.transpose(1, 2),
                                         same.v_BSKH.transpose(1, 2), {}, 0.0, true, same.scale);
    return {o_BNTH.transpose(1, 2), {}};
  };
  const Outcome wanted = formula(call), ours = outcome_of(with({}), call), theirs = outcome_of(torchs, call);
  EXPECT_LT(distance(ours.o, wanted.o), 2 * distance(theirs.o, wanted.o));
  EXPECT_LT(distance(ours.dq, wanted.dq), 2 * distance(theirs.dq, wanted.dq));
  EXPECT_LT(distance(ours.dk, wanted.dk), 2 * distance(theirs.dk, wanted.dk));
  EXPECT_LT(distance(ours.dv, wanted.dv), 2 * distance(theirs.dv, wanted.dv));
}

// Keys and queries chunk by chunk, forward and backward.
Outcome in_chunks(const AttentionCall& call, std::int64_t chunk) {
  const std::int64_t tokens = call.q_BTNH.size(1);
  LayerCall layer{call.q_BTNH, call.mask, call.scale};
  const auto attention = bpt::chunk_attention(layer, LayerPass::backward, {});
  const auto for_chunks = [&](const auto& body) {
    for (std::int64_t begin = 0; begin < tokens; begin += chunk)
      body(TokenSpan{begin, std::min(chunk, tokens - begin)});
  };
  const at::Tensor weights = common_weights(call.q_BTNH, call.q_BTNH.scalar_type());
  std::vector<at::Tensor> o, lse, dq, dk, dv;
  for_chunks([&](TokenSpan span) {
    attention->add_keys(call.k_BSKH.narrow(1, span.begin, span.size).clone(),
                        call.v_BSKH.narrow(1, span.begin, span.size).clone(), span);
  });
  for_chunks([&](TokenSpan span) {
    const at::Tensor q_BCNH = call.q_BTNH.narrow(1, span.begin, span.size);
    const AttentionResult result = attention->forward(q_BCNH, span);
    o.push_back(result.o_BTNH);
    lse.push_back(result.lse_BNT);
    dq.push_back(attention->backward(q_BCNH, result, weights.narrow(1, span.begin, span.size), span));
  });
  for_chunks([&](TokenSpan span) {
    const LayerPieces::KeysValues found = attention->gradients(span);
    dk.push_back(found.k_BCKH);
    dv.push_back(found.v_BCKH);
  });
  return {aten::cat(o, 1), aten::cat(lse, 2), aten::cat(dq, 1), aten::cat(dk, 1), aten::cat(dv, 1)};
}

TEST(Bpt, GivesTheSameChunkByChunk) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    AttentionCall call = call_of({2, 300, 300, 4, 2, 24}, type);
    AttentionCall packed = call;
    add_documents(packed, 70);
    packed.mask.window = 90;
    for (const AttentionCall& masked : {call, packed}) {
      const Outcome wanted = formula(masked);
      for (const std::int64_t chunk : {7, 33, 64, 299, 300}) {
        const Outcome found = in_chunks(masked, chunk);
        EXPECT_LT(distance(found, wanted), tolerance(type)) << c10::toString(type) << " chunks of " << chunk;
        EXPECT_LT(distance(found.lse, wanted.lse), 1e-5);
      }
    }
  }
}

}  // namespace
}  // namespace easylm::testing
