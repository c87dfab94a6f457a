// The same attention as over whole tensors, which are one chunk.
#include "layer.h"

#include <utility>

#include "attend.h"
#include "inputs.h"

namespace easylm::bpt {
namespace {

class Chunks : public ChunkAttention {
 public:
  Chunks(Problem problem, Use use) : attention_(std::move(problem), use) {}

  void add_keys(const at::Tensor& k_BCKH, const at::Tensor& v_BCKH, TokenSpan tokens) override {
    attention_.add_keys(readable(k_BCKH), readable(v_BCKH), tokens.begin);
  }

  AttentionResult forward(const at::Tensor& q_BCNH, TokenSpan tokens) override {
    Outputs outputs = attention_.forward({readable(q_BCNH), tokens.begin});
    return {std::move(outputs.o_BTNH), std::move(outputs.lse_BNT)};
  }

  at::Tensor backward(const at::Tensor& q_BCNH, const AttentionResult& result, const at::Tensor& do_BCNH,
                      TokenSpan tokens) override {
    return attention_.backward(
        {readable(q_BCNH), tokens.begin, {readable(result.o_BTNH), result.lse_BNT}, readable(do_BCNH)});
  }

  LayerPieces::KeysValues gradients(TokenSpan tokens) override {
    KeyGradients found = attention_.gradients({tokens.begin, tokens.size});
    return {std::move(found.dk_BSKH), std::move(found.dv_BSKH)};
  }

 private:
  Attention attention_;
};

}  // namespace

std::unique_ptr<ChunkAttention> chunk_attention(const LayerCall& call, LayerPass pass,
                                                const Options& options) {
  const Use use = pass == LayerPass::forward ? Use::outputs : Use::both;
  return std::make_unique<Chunks>(Problem{call.mask, call.scale, call.h_BTD.size(1), options}, use);
}

}  // namespace easylm::bpt
