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
constexpr int kHopper = 90;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::unsupported, "attention 'bpt_cuda': " + why,
              "use attention = \"auto\", which takes a kernel that can");
}

}  // namespace

BptCuda::BptCuda(Host& /*host*/, const Config& config)
    : forward_kernel_(config.forward_kernel == "sm90" ? ForwardKernel::kSm90 : ForwardKernel::kSm80),
      layer_chunk_(config.layer_chunk) {}

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
  if (std::string why = problem_with_device(); !why.empty()) return {0, std::move(why)};
  return {kUnmeasured, ""};
}

std::string BptCuda::problem_with_device() const {
  if (std::string why = device_problem(); !why.empty()) return why;
  if (forward_kernel_ == ForwardKernel::kSm80 || compute_capability() == kHopper) return {};
  return "forward_kernel = \"sm90\" needs a GPU of compute capability 9.0, which this one is not";
}

AttentionResult BptCuda::forward(const AttentionCall& call) {
  const Support support = supports(query_of(call));
  if (support.score <= 0) refuse(support.reason);
  const Operands operands{call.q_BTNH, call.k_BSKH, call.v_BSKH};
  Problem problem = problem_of(operands, call.mask, call.scale);
  problem.forward_kernel = forward_kernel_;
  const Outputs outputs = attend_differentiably(problem, operands);
  return {outputs.o_BTNH, call.want_lse ? outputs.lse_BNT : at::Tensor()};
}

at::Tensor BptCuda::run_layer(const LayerCall& call, const LayerPieces& pieces) {
  if (call.h_BTD.device().type() != served_device()) refuse("it runs on CUDA devices only");
  if (const std::string why = problem_with_device(); !why.empty()) refuse(why);
  const auto chunks = [kernel = forward_kernel_](const LayerCall& layer, LayerPass /*pass*/) {
    return chunk_attention(layer, kernel);
  };
  return run_layer_in_chunks(call, pieces, chunks, layer_chunk_);
}

VarlenResult BptCuda::forward_varlen(const VarlenCall& call) {
  const Operands operands{call.q_TNH.unsqueeze(0), call.k_SKH.unsqueeze(0), call.v_SKH.unsqueeze(0)};
  const Outputs outputs = attend_differentiably(problem_of(operands, call), operands);
  return {outputs.o_BTNH.squeeze(0), outputs.lse_BNT.squeeze(0)};
}

at::Tensor BptCuda::forward_paged(const PagedCall& call) { return attend_paged(call); }

}  // namespace easylm::bpt_cuda
