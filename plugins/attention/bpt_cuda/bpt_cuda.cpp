// The attention kernel 'bpt_cuda' as the host sees it: what it serves, and its three extensions.
#include "bpt_cuda.h"

#include <string>
#include <utility>

#include "attend.h"
#include "device.h"
#include "easylm/error.h"
#include "layer.h"
#include "paged.h"
#include "problem.h"

namespace easylm::bpt_cuda {
namespace {

// Below LibTorch's own kernels, which score 1, and above the plain formula: these have run in an emulation
// and never been timed on a GPU. docs/attention_cuda.md says how to take them all the same.
constexpr double kUnmeasured = 0.5;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::unsupported, "attention 'bpt_cuda': " + why,
              "use attention = \"auto\", which takes a kernel that can");
}

}  // namespace

void* BptCuda::extension(std::string_view id) {
  if (id == BlockwiseLayer::kInterface) return static_cast<BlockwiseLayer*>(this);
  if (id == VarlenAttention::kInterface) return static_cast<VarlenAttention*>(this);
  if (id == PagedAttention::kInterface) return static_cast<PagedAttention*>(this);
  return nullptr;
}

// Any strides are served: what isn't aligned is copied.
Support BptCuda::supports(const AttentionQuery& query) const {
  if (query.device != served_device()) return {0, "it runs on CUDA devices only"};
  if (query.dtype != at::kBFloat16 && query.dtype != at::kHalf)
    return {0, "it computes in bf16 and fp16 only"};
  if (query.dropout) return {0, "it has no dropout"};
  if (std::string why = problem_with_width(query.head_dim); !why.empty()) return {0, std::move(why)};
  if (std::string why = device_problem(); !why.empty()) return {0, std::move(why)};
  return {kUnmeasured, ""};
}

AttentionResult BptCuda::forward(const AttentionCall& call) {
  const Support support = supports(query_of(call));
  if (support.score <= 0) refuse(support.reason);
  const Operands operands{call.q_BTNH, call.k_BSKH, call.v_BSKH};
  const Outputs outputs = attend_differentiably(problem_of(operands, call.mask, call.scale), operands);
  return {outputs.o_BTNH, call.want_lse ? outputs.lse_BNT : at::Tensor()};
}

at::Tensor BptCuda::run_layer(const LayerCall& call, const LayerPieces& pieces) {
  if (call.h_BTD.device().type() != served_device()) refuse("it runs on CUDA devices only");
  return run_layer_in_chunks(call, pieces, chunk_attention, config_.layer_chunk);
}

VarlenResult BptCuda::forward_varlen(const VarlenCall& call) {
  const Operands operands{call.q_TNH.unsqueeze(0), call.k_SKH.unsqueeze(0), call.v_SKH.unsqueeze(0)};
  const Outputs outputs = attend_differentiably(problem_of(operands, call), operands);
  return {outputs.o_BTNH.squeeze(0), outputs.lse_BNT.squeeze(0)};
}

at::Tensor BptCuda::forward_paged(const PagedCall& call) { return attend_paged(call); }

}  // namespace easylm::bpt_cuda
