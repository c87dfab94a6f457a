// The attention kernel 'bpt': blockwise attention as one differentiable operation.
#include <memory>
#include <utility>

#include "attend.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/autograd_function.h"

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

class Bpt : public AttentionKernel {
 public:
  struct Config {
    static void describe(Schema<Config>&) {}
  };

  Bpt(Host&, const Config&) {}

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
    const Support support = supports(query_of(call));
    if (support.score <= 0) {
      throw Error(ErrorCode::unsupported, "attention 'bpt': " + support.reason,
                  "use attention = \"auto\", which takes a kernel that can");
    }
    const auto attend = std::make_shared<Attend>(contiguous(call.mask), call.scale);
    at::Tensor o_BTNH = apply_function(attend, {call.q_BTNH, call.k_BSKH, call.v_BSKH});
    return {std::move(o_BTNH), call.want_lse ? attend->lse() : at::Tensor()};
  }
};

}  // namespace
}  // namespace easylm::bpt

EASYLM_PLUGIN("easylm-attention-bpt", "0.1.0") {
  registrar.component<easylm::bpt::Bpt>(
      "bpt", "Blockwise attention with recomputation: exact, memory linear in length; CPU, fp32 and bf16.");
}
