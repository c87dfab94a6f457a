// The attention kernel 'bpt': blockwise attention as one differentiable operation.
#include <torch/csrc/autograd/custom_function.h>

#include <utility>

#include "attend.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/attention.h"

namespace easylm::bpt {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kFewQueries = 16;

// What an autograd node keeps beside tensors.
struct CallHolder : torch::CustomClassHolder {
  CallHolder(AttentionMask its_mask, double its_scale) : mask(std::move(its_mask)), scale(its_scale) {}
  AttentionMask mask;
  double scale;
};

// A head's numbers must lie side by side, whatever the other strides are.
at::Tensor readable(const at::Tensor& x) { return x.stride(-1) == 1 ? x : x.contiguous(); }

class Attend : public torch::autograd::Function<Attend> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& q_BTNH, const at::Tensor& k_BSKH,
                               const at::Tensor& v_BSKH, const c10::intrusive_ptr<CallHolder>& call) {
    const Inputs inputs{readable(q_BTNH), readable(k_BSKH), readable(v_BSKH), call->mask, call->scale};
    const Outputs outputs = attend(inputs);
    context->save_for_backward(
        {inputs.q_BTNH, inputs.k_BSKH, inputs.v_BSKH, outputs.o_BTNH, outputs.lse_BNT});
    context->saved_data["call"] = c10::IValue::make_capsule(call);
    context->mark_non_differentiable({outputs.lse_BNT});
    return {outputs.o_BTNH, outputs.lse_BNT};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto capsule = context->saved_data["call"].toCapsule();
    const auto& call = static_cast<const CallHolder&>(*capsule);
    const Gradients found = attend_backward({saved[0], saved[1], saved[2], call.mask, call.scale},
                                            {saved[3], saved[4]}, readable(gradients[0]));
    return {found.dq_BTNH, found.dk_BSKH, found.dv_BSKH, at::Tensor()};
  }
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
    const variable_list found =
        Attend::apply(call.q_BTNH, call.k_BSKH, call.v_BSKH,
                      c10::make_intrusive<CallHolder>(contiguous(call.mask), call.scale));
    return {found[0], call.want_lse ? found[1] : at::Tensor()};
  }
};

}  // namespace
}  // namespace easylm::bpt

EASYLM_PLUGIN("easylm-attention-bpt", "0.1.0") {
  registrar.component<easylm::bpt::Bpt>(
      "bpt", "Blockwise attention with recomputation: exact, memory linear in length; CPU, fp32 and bf16.");
}
