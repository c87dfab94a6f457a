// The attention kernel 'bpt': blockwise attention as one differentiable operation.
#include <memory>
#include <utility>

#include "attend.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/autograd_function.h"
#include "layer.h"

namespace easylm::bpt {
namespace {

constexpr std::int64_t kFewQueries = 16;

// A head's numbers must lie side by side, whatever the other strides are.
at::Tensor readable(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

// Of queries, keys and values.
class Attend : public AutogradFunction {
 public:
  Attend(AttentionMask mask, double scale) : mask_(std::move(mask)), scale_(scale) {}

  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    const Inputs readables{readable(inputs[0]), readable(inputs[1]), readable(inputs[2]), mask_, scale_};
    const Outputs outputs = attend(readables);
    lse_BNT_ = outputs.lse_BNT;
    saved = {readables.q_BTNH, readables.k_BSKH, readables.v_BSKH, outputs.o_BTNH};
    return outputs.o_BTNH;
  }

  Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                   const std::vector<bool>& /*wanted*/) override {
    const Gradients found = attend_backward({saved[0], saved[1], saved[2], mask_, scale_},
                                            {saved[3], lse_BNT_}, readable(gradient));
    return {found.dq_BTNH, found.dk_BSKH, found.dv_BSKH};
  }

  const at::Tensor& lse() const { return lse_BNT_; }  // a constant to autograd

 private:
  AttentionMask mask_;
  double scale_;
  at::Tensor lse_BNT_;
};

AttentionMask contiguous(AttentionMask mask) {
  for (at::Tensor* tensor : {&mask.segments_q_BT, &mask.segments_k_BS, &mask.keep_BS}) {
    if (tensor->defined()) *tensor = tensor->contiguous();
  }
  return mask;
}

class Bpt : public AttentionKernel, public BlockwiseLayer {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;  // not the extension's
  struct Config {
    std::int64_t layer_chunk = 0;

    static void describe(Schema<Config>& s) {
      s.field("layer_chunk", &Config::layer_chunk,
              "of a layer in chunks: tokens of each row at once; 0: about 1,024 of all rows together")
          .at_least(0);
    }
  };

  Bpt(Host&, const Config& config) : config_(config) {}

  void* extension(std::string_view id) override {
    if (id == BlockwiseLayer::kInterface) return static_cast<BlockwiseLayer*>(this);
    return nullptr;
  }

  Support supports(const AttentionQuery& query) const override {
    if (query.device != at::kCPU) return {0, "it runs on the CPU only"};
    if (query.dtype != at::kFloat && query.dtype != at::kBFloat16)
      return {0, "it computes in fp32 and bf16 only"};
    if (query.dropout) return {0, "it has no dropout"};
    // Packing keys and values pays where many queries read them; for a token at a time LibTorch's kernel is
    // faster.
    const bool decoding = query.num_queries < kFewQueries && !query.training;
    return {decoding ? 0.5 : 2, ""};
  }

  AttentionResult forward(const AttentionCall& call) override {
    require(query_of(call));
    const auto attend = std::make_shared<Attend>(contiguous(call.mask), call.scale);
    at::Tensor o_BTNH = apply_function(attend, {call.q_BTNH, call.k_BSKH, call.v_BSKH});
    return {std::move(o_BTNH), call.want_lse ? attend->lse() : at::Tensor()};
  }

  at::Tensor run_layer(const LayerCall& call, const LayerPieces& pieces) override {
    AttentionQuery query;
    query.dtype = call.h_BTD.scalar_type();
    query.device = call.h_BTD.device().type();
    require(query);
    return run_layer_in_chunks({call.h_BTD, contiguous(call.mask), call.scale}, pieces, chunk_attention,
                               config_.layer_chunk);
  }

 private:
  void require(const AttentionQuery& query) const {
    const Support support = supports(query);
    if (support.score > 0) return;
    throw Error(ErrorCode::unsupported, "attention 'bpt': " + support.reason,
                "use attention = \"auto\", which takes a kernel that can");
  }

  Config config_;
};

}  // namespace
}  // namespace easylm::bpt

EASYLM_PLUGIN("easylm-attention-bpt", "0.1.0") {
  registrar.component<easylm::bpt::Bpt>(
      "bpt", "Blockwise attention with recomputation: exact, memory linear in length; CPU, fp32 and bf16.");
}
