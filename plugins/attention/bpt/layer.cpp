// The attention of a layer in chunks: keys and values are kept whole, queries come chunk by chunk.
#include "layer.h"

#include <utility>
#include <vector>

#include "attend.h"
#include "easylm/tensor/aten.h"

namespace easylm::bpt {
namespace {

class Chunks : public ChunkAttention {
 public:
  explicit Chunks(const LayerCall& call)
      : mask_(call.mask), scale_(call.scale), num_tokens_(call.h_BTD.size(1)) {}

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
    const Outputs outputs = attend(inputs(q_BCNH, tokens));
    return {outputs.o_BTNH, outputs.lse_BNT};
  }

  at::Tensor backward(const at::Tensor& q_BCNH, const AttentionResult& result, const at::Tensor& do_BCNH,
                      TokenSpan tokens) override {
    const Gradients found =
        attend_backward(inputs(q_BCNH, tokens), {result.o_BTNH, result.lse_BNT}, do_BCNH.contiguous());
    if (!dk_BSKH_.defined()) {
      dk_BSKH_ = aten::zeros(k_BSKH_.sizes(), at::kFloat);
      dv_BSKH_ = aten::zeros(k_BSKH_.sizes(), at::kFloat);
    }
    dk_BSKH_.add_(found.dk_BSKH);
    dv_BSKH_.add_(found.dv_BSKH);
    return found.dq_BTNH;
  }

  LayerPieces::KeysValues gradients(TokenSpan tokens) override {
    const auto part = [&](const at::Tensor& x) {
      return x.narrow(1, tokens.begin, tokens.size).to(k_BSKH_.scalar_type());
    };
    return {part(dk_BSKH_), part(dv_BSKH_)};
  }

 private:
  Inputs inputs(const at::Tensor& q_BCNH, TokenSpan tokens) const {
    AttentionMask mask = mask_;
    if (mask.segments_q_BT.defined())
      mask.segments_q_BT = mask.segments_q_BT.narrow(1, tokens.begin, tokens.size).contiguous();
    mask.query_offset = tokens.begin;
    return {q_BCNH.contiguous(), k_BSKH_, v_BSKH_, mask, scale_};
  }

  AttentionMask mask_;
  double scale_;
  std::int64_t num_tokens_;
  at::Tensor k_BSKH_, v_BSKH_, dk_BSKH_, dv_BSKH_;
};

}  // namespace

std::unique_ptr<ChunkAttention> chunk_attention(const LayerCall& call, LayerPass) {
  return std::make_unique<Chunks>(call);
}

}  // namespace easylm::bpt
