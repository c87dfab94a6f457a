// The attention kernel 'bpt_cuda'.
#pragma once

#include <cstdint>
#include <string_view>

#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/blockwise_layer.h"
#include "easylm/tensor/paged_attention.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm::bpt_cuda {

class BptCuda : public AttentionKernel, public BlockwiseLayer, public VarlenAttention, public PagedAttention {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;  // not an extension's
  struct Config {
    std::int64_t layer_chunk = 0;

    static void describe(Schema<Config>& s) {
      s.field("layer_chunk", &Config::layer_chunk,
              "of a layer in chunks: tokens of each row at once; 0: about 1,024 of all rows together")
          .at_least(0);
    }
  };

  BptCuda(Host& /*host*/, const Config& config) : config_(config) {}

  void* extension(std::string_view id) override;
  Support supports(const AttentionQuery& query) const override;
  AttentionResult forward(const AttentionCall& call) override;
  at::Tensor run_layer(const LayerCall& call, const LayerPieces& pieces) override;
  VarlenResult forward_varlen(const VarlenCall& call) override;
  at::Tensor forward_paged(const PagedCall& call) override;

 private:
  Config config_;
};

}  // namespace easylm::bpt_cuda
