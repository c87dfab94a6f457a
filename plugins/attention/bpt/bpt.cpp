// The attention kernel 'bpt': blockwise attention as one differentiable operation.
#include <memory>
#include <string>
#include <utility>

#include "differentiable.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/blockwise_layer.h"
#include "easylm/tensor/varlen_attention.h"
#include "inputs.h"
#include "layer.h"
#include "varlen.h"

namespace easylm::bpt {
namespace {

constexpr std::int64_t kFewQueries = 16;

class Bpt : public AttentionKernel, public BlockwiseLayer, public VarlenAttention {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;  // not the extensions'
  struct Config {
    std::int64_t query_block = 0, key_block = 0, layer_chunk = 0;

    static void describe(Schema<Config>& s) {
      s.field("query_block", &Config::query_block,
              "queries that a thread takes at once, rounded up to whole tiles; 0: by the size of the caches")
          .at_least(0)
          .at_most(1 << 20)
          .unit("tokens");
      s.field("key_block", &Config::key_block,
              "keys whose scores are there at once, rounded to whole tiles (224 with AVX-512, 48 with AVX2, "
              "else 8); 0: by the size of the caches")
          .at_least(0)
          .at_most(kMostKeys)
          .unit("tokens");
      s.field("layer_chunk", &Config::layer_chunk,
              "of a layer in chunks: tokens of each row at once; 0: about 1,024 of all rows together")
          .at_least(0);
    }
  };

  Bpt(Host&, const Config& config)
      : layer_chunk_(config.layer_chunk), options_{.sizes = {config.query_block, config.key_block}} {}

  void* extension(std::string_view id) override {
    if (id == BlockwiseLayer::kInterface) return static_cast<BlockwiseLayer*>(this);
    if (id == VarlenAttention::kInterface) return static_cast<VarlenAttention*>(this);
    return nullptr;
  }

  Support supports(const AttentionQuery& query) const override {
    if (query.device != at::kCPU) return {0, "it runs on the CPU only"};
    if (query.dtype != at::kFloat && query.dtype != at::kBFloat16 && query.dtype != at::kHalf)
      return {0, "it computes in fp32, bf16 and fp16 only"};
    if (query.dropout) return {0, "it has no dropout"};
    // Packing keys and values pays where many queries read them; for a token at a time LibTorch's kernel is
    // faster.
    const bool decoding = query.num_queries < kFewQueries && !query.training;
    return {decoding ? 0.5 : 2, ""};
  }

  AttentionResult forward(const AttentionCall& call) override {
    require(query_of(call));
    AttentionResult result = attend(call, options_);
    if (!call.want_lse) result.lse_BNT = at::Tensor();
    return result;
  }

  VarlenResult forward_varlen(const VarlenCall& call) override {
    AttentionQuery query;
    query.dtype = call.q_TNH.scalar_type();
    query.device = call.q_TNH.device().type();
    require(query);
    return attend_varlen(call, options_);
  }

  at::Tensor run_layer(const LayerCall& call, const LayerPieces& pieces) override {
    AttentionQuery query;
    query.dtype = call.h_BTD.scalar_type();
    query.device = call.h_BTD.device().type();
    require(query);
    if (!(call.scale > 0)) {
      throw Error(
          ErrorCode::unsupported,
          "attention 'bpt': a layer in chunks needs a scale above 0, not " + std::to_string(call.scale),
          "scale the queries instead");
    }
    const auto chunks = [options = options_](const LayerCall& layer, LayerPass pass) {
      return chunk_attention(layer, pass, options);
    };
    return run_layer_in_chunks({call.h_BTD, contiguous(call.mask), call.scale}, pieces, chunks, layer_chunk_);
  }

 private:
  void require(const AttentionQuery& query) const {
    const Support support = supports(query);
    if (support.score > 0) return;
    throw Error(ErrorCode::unsupported, "attention 'bpt': " + support.reason,
                "use attention = \"auto\", which takes a kernel that can");
  }

  std::int64_t layer_chunk_;
  Options options_;
};

}  // namespace
}  // namespace easylm::bpt

EASYLM_PLUGIN("easylm-attention-bpt", "0.1.0") {
  registrar.component<easylm::bpt::Bpt>(
      "bpt",
      "Blockwise attention with recomputation: exact, memory linear in length; CPU; fp32, bf16 and fp16.");
}
