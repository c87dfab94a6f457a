// The attention kernel 'bpt_cuda'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/blockwise_layer.h"
#include "easylm/tensor/paged_attention.h"
#include "easylm/tensor/varlen_attention.h"
#include "problem.h"

namespace easylm::bpt_cuda {

class BptCuda : public AttentionKernel, public BlockwiseLayer, public VarlenAttention, public PagedAttention {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;  // not an extension's
  struct Config {
    std::string forward_kernel = "sm80";
    std::int64_t layer_chunk = 0;

    static void describe(Schema<Config>& s) {
      s.field("forward_kernel", &Config::forward_kernel,
              "sm90: on Hopper the forward pass by wgmma and tensor memory copies, for widths 64 and 128 "
              "without packed documents; all else as with sm80")
          .one_of({"sm80", "sm90"});
      s.field("layer_chunk", &Config::layer_chunk,
              "of a layer in chunks: tokens of each row at once; 0: about 1,024 of all rows together")
          .at_least(0);
    }
  };

  BptCuda(Host& /*host*/, const Config& config);

  void* extension(std::string_view id) override;
  Support supports(const AttentionQuery& query) const override;
  AttentionResult forward(const AttentionCall& call) override;
  at::Tensor run_layer(const LayerCall& call, const LayerPieces& pieces) override;
  VarlenResult forward_varlen(const VarlenCall& call) override;
  at::Tensor forward_paged(const PagedCall& call) override;

 private:
  std::string problem_with_device() const;

  ForwardKernel forward_kernel_;
  std::int64_t layer_chunk_;
};

}  // namespace easylm::bpt_cuda
