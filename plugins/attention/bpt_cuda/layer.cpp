// Keys and values of a layer are kept whole, in the type they came in; their gradients are summed in fp32 by
// the kernel itself, so that no chunk has gradients of its own for all keys.
#include "layer.h"

#include <utility>
#include <vector>

#include "attend.h"
#include "easylm/tensor/aten.h"

namespace easylm::bpt_cuda {
namespace {

class Chunks : public ChunkAttention {
 public:
  Chunks(const LayerCall& call, ForwardKernel kernel)
      : mask_(call.mask), scale_(call.scale), num_tokens_(call.h_BTD.size(1)), kernel_(kernel) {}

  void add_keys(const at::Tensor& k_BCKH, const at::Tensor& v_BCKH, TokenSpan tokens) override {
    if (!k_BSKH_.defined()) {
      std::vector<std::int64_t> shape = k_BCKH.sizes().vec();
      shape[1] = num_tokens_;
      k_BSKH_ = aten::empty(shape, k_BCKH.options());
      v_BSKH_ = aten::empty(shape, v_BCKH.options());
    }
    k_BSKH_.narrow(1, tokens.begin, tokens.size).copy_(k_BCKH);
    v_BSKH_.narrow(1, tokens.begin, tokens.size).copy_(v_BCKH);
  }

  AttentionResult forward(const at::Tensor& q_BCNH, TokenSpan tokens) override {
    const Operands operands{readable(q_BCNH), k_BSKH_, v_BSKH_};
    const Outputs outputs = attend(problem_at(operands, tokens), operands);
    return {outputs.o_BTNH, outputs.lse_BNT};
  }

  at::Tensor backward(const at::Tensor& q_BCNH, const AttentionResult& result, const at::Tensor& do_BCNH,
                      TokenSpan tokens) override {
    if (!dk_BSKH_.defined()) {
      dk_BSKH_ = aten::zeros(k_BSKH_.sizes(), k_BSKH_.options().dtype(at::kFloat));
      dv_BSKH_ = aten::zeros(v_BSKH_.sizes(), v_BSKH_.options().dtype(at::kFloat));
    }
    const Operands operands{readable(q_BCNH), k_BSKH_, v_BSKH_};
    Gradients gradients{aten::empty(q_BCNH.sizes(), q_BCNH.options()), dk_BSKH_, dv_BSKH_};
    attend_backward(problem_at(operands, tokens), operands, {{result.o_BTNH, result.lse_BNT}, do_BCNH},
                    gradients);
    return gradients.dq_BTNH;
  }

  LayerPieces::KeysValues gradients(TokenSpan tokens) override {
    const auto part = [&](const at::Tensor& x) {
      return x.narrow(1, tokens.begin, tokens.size).to(k_BSKH_.scalar_type());
    };
    return {part(dk_BSKH_), part(dv_BSKH_)};
  }

 private:
  Problem problem_at(const Operands& operands, TokenSpan tokens) const {
    AttentionMask mask = mask_;
    mask.query_offset = tokens.begin;
    if (mask.segments_q_BT.defined())
      mask.segments_q_BT = mask.segments_q_BT.narrow(1, tokens.begin, tokens.size);
    Problem problem = problem_of(operands, mask, scale_);
    problem.forward_kernel = kernel_;
    return problem;
  }

  AttentionMask mask_;
  double scale_;
  std::int64_t num_tokens_;
  ForwardKernel kernel_;
  at::Tensor k_BSKH_, v_BSKH_, dk_BSKH_, dv_BSKH_;
};

}  // namespace

std::unique_ptr<ChunkAttention> chunk_attention(const LayerCall& call, ForwardKernel kernel) {
  return std::make_unique<Chunks>(call, kernel);
}

}  // namespace easylm::bpt_cuda
