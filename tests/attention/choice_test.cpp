// Which kernel serves a call: what 'auto' takes and says of it, and what 'sdpa' refuses.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "calls.h"
#include "easylm/tensor/blockwise_layer.h"
#include "easylm/tensor/paged_attention.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm::testing {
namespace {

// Keeps what is logged at level info, "key=text" for each pair that is text.
class ListeningHost : public PluginHost {
 public:
  void log(LogLevel level, std::string_view word, std::string_view message,
           std::span<const LogPair> pairs) override {
    PluginHost::log(level, word, message, pairs);
    if (level != LogLevel::info) return;
    std::string line = "[" + std::string(word) + "] " + std::string(message);
    for (const LogPair& pair : pairs) {
      if (const auto* text = std::get_if<std::string_view>(&pair.value))
        line += " " + std::string(pair.key) + "=" + std::string(*text);
    }
    lines.push_back(std::move(line));
  }

  std::vector<std::string> lines;
};

AttentionQuery training_query() {
  AttentionQuery query;
  query.batch = query.num_queries = query.num_keys = 1;
  query.num_heads = query.num_key_value_heads = 4;
  query.head_dim = 64;
  query.training = true;
  return query;
}

TEST(Auto, SaysWhichKernelItTakesAndWhyNotAnotherOnceForEachKindOfCall) {
  ListeningHost host;
  const auto chosen = host.make<AttentionKernel>(table_of("auto"));
  AttentionQuery query = training_query();
  EXPECT_EQ(chosen->supports(query).score, 2);
  query.num_queries = query.num_keys = 100;
  chosen->supports(query);
  ASSERT_EQ(host.lines.size(), 1U);
  EXPECT_EQ(host.lines[0],
            "[attention] chosen kernel=bpt for=Float on cpu, training, causal others=sdpa 1, reference 0.1");
  query.dropout = true;
  chosen->supports(query);
  ASSERT_EQ(host.lines.size(), 2U);
  EXPECT_NE(host.lines[1].find("kernel=reference"), std::string::npos) << host.lines[1];
  EXPECT_NE(host.lines[1].find("bpt: it has no dropout; sdpa: LibTorch's kernel draws"), std::string::npos)
      << host.lines[1];
}

TEST(Auto, PassesSequencesAndPagesToAKernelThatTakesThem) {
  const auto chosen = kernel("auto"), reference = kernel("reference");
  ASSERT_EQ(chosen->extension("easylm.attention.no_such_thing/1"), nullptr);
  VarlenCall varlen{noise("q", {9, 4, 8}), noise("k", {9, 2, 8}), noise("v", {9, 2, 8})};
  varlen.starts_q = varlen.starts_k =
      aten::arange(0, 10, at::kInt).mul(aten::arange(0, 10, at::kInt)).clamp(0, 9);
  varlen.scale = 0.3;
  EXPECT_TRUE(aten::equal(extension_of<VarlenAttention>(*chosen)->forward_varlen(varlen).o_TNH,
                          extension_of<VarlenAttention>(*reference)->forward_varlen(varlen).o_TNH));
  PagedCall paged{noise("q", {1, 1, 4, 8}), noise("k", {3, 4, 2, 8}), noise("v", {3, 4, 2, 8})};
  paged.block_table_BM = aten::arange(0, 3, at::kInt).unsqueeze(0);
  paged.lengths_B = aten::full({1}, 11, at::kInt);
  paged.scale = 0.3;
  EXPECT_TRUE(aten::equal(extension_of<PagedAttention>(*chosen)->forward_paged(paged),
                          extension_of<PagedAttention>(*reference)->forward_paged(paged)));
}

TEST(Auto, NamesEachKernelsReasonWhereNoneServes) {
  const auto chosen = kernel("auto");
  const at::Tensor h_BTD = noise("h", {1, 8, 16});  // fp64
  LayerPieces pieces;
  pieces.queries = [](const at::Tensor& h, TokenSpan) { return h.unflatten(-1, {2, 8}); };
  pieces.keys_values = [](const at::Tensor& h, TokenSpan) {
    return LayerPieces::KeysValues{h.unflatten(-1, {2, 8}), h.unflatten(-1, {2, 8})};
  };
  pieces.finish = [](const at::Tensor& h, const at::Tensor&, TokenSpan) { return h; };
  try {
    extension_of<BlockwiseLayer>(*chosen)->run_layer({h_BTD, {}, 1}, pieces);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    for (const char* reason : {"bpt: it computes in fp32, bf16 and fp16 only",
                               "reference: it has no easylm.attention.blockwise_layer/1"}) {
      EXPECT_NE(error.message().find(reason), std::string::npos) << error.message();
    }
  }
}

TEST(Sdpa, RefusesAMaskOfAGigabyte) {
  const auto sdpa = kernel("sdpa");
  AttentionQuery query = training_query();
  query.num_queries = query.num_keys = 32768;
  EXPECT_GT(sdpa->supports(query).score, 0);  // a causal flag is no mask
  query.window = true;
  EXPECT_EQ(sdpa->supports(query).score, 0);
  EXPECT_NE(sdpa->supports(query).reason.find("1024 MiB"), std::string::npos) << sdpa->supports(query).reason;
  query.num_queries = query.num_keys = 16384;
  EXPECT_GT(sdpa->supports(query).score, 0);
  query.segments = true;
  query.batch = 4;
  EXPECT_EQ(sdpa->supports(query).score, 0);
}

}  // namespace
}  // namespace easylm::testing
