// Blocks one after the other; under recomputation each is one autograd node that keeps its input alone.
#include "easylm/tensor/block_runner.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>
#include <utility>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/autograd_function.h"

namespace easylm {
namespace {

// What a block depends on beside its input. The context may have moved on when the backward pass comes.
struct BlockCall {
  Model* model;
  std::int64_t layer;
  ForwardContext* context;
  at::Tensor positions, segments_BT;
  std::uint64_t seed, draw;

  BlockCall(Model& its_model, std::int64_t its_layer, ForwardContext& its_context)
      : model(&its_model),
        layer(its_layer),
        context(&its_context),
        positions(its_context.positions),
        segments_BT(its_context.segments_BT),
        seed(its_context.seed),
        draw(its_context.draw) {}

  // The block's output, as it was the first time.
  at::Tensor run(const at::Tensor& h_BTD) const {
    BlockCall now(*model, layer, *context);
    restore();
    try {
      at::Tensor out = model->block(layer, h_BTD, *context);
      now.restore();
      return out;
    } catch (...) {
      now.restore();
      throw;
    }
  }

  void restore() const {
    context->positions = positions;
    context->segments_BT = segments_BT;
    context->seed = seed;
    context->draw = draw;
  }
};

// A tensor that starts a graph of its own.
at::Tensor leaf_of(const at::Tensor& h) { return h.detach().requires_grad_(h.requires_grad()); }

// Of the block's input and its parameters; the output `y` is computed already.
class RecomputedBlock : public AutogradFunction {
 public:
  RecomputedBlock(BlockCall call, at::Tensor y) : call_(std::move(call)), y_(std::move(y)) {}

  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    saved = inputs;
    return std::move(y_);
  }

  Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                   const std::vector<bool>& /*wanted*/) override {
    Tensors inputs = saved;
    inputs[0] = leaf_of(inputs[0]);
    const at::AutoGradMode with_grad(true);
    const at::Tensor y = call_.run(inputs[0]);
    Tensors needed;
    for (const at::Tensor& input : inputs) {
      if (input.requires_grad()) needed.push_back(input);
    }
    const Tensors found = torch::autograd::grad({y}, needed, {gradient}, false, false, true);
    Tensors result;
    std::size_t next = 0;
    for (const at::Tensor& input : inputs) {
      result.push_back(input.requires_grad() ? found[next++] : at::Tensor());
    }
    return result;
  }

 private:
  BlockCall call_;
  at::Tensor y_;
};

at::Tensor run_recomputed(Model& model, std::int64_t layer, const at::Tensor& h_BTD,
                          ForwardContext& context) {
  const at::Tensor input = leaf_of(h_BTD);
  Tensors inputs{h_BTD};
  // Computed with a graph, which says which parameters the block uses, and then forgotten.
  const at::Tensor y = model.block(layer, input, context);
  for (at::Tensor& leaf : leaves_behind(y)) {
    if (!leaf.is_same(input)) inputs.push_back(std::move(leaf));
  }
  return apply_function(std::make_shared<RecomputedBlock>(BlockCall(model, layer, context), y.detach()),
                        inputs);
}

// Says in `context` where new tokens stand, if nobody has, for as long as it lives.
class PositionsBehind {
 public:
  PositionsBehind(const KvView& cache, const at::Tensor& ids_BT, ForwardContext& context)
      : context_(context), given_(context.positions) {
    if (given_.defined()) return;
    const std::int64_t first = cache.length();
    context.positions = aten::arange(first, first + ids_BT.size(1), ids_BT.options());
  }
  ~PositionsBehind() { context_.positions = given_; }
  PositionsBehind(const PositionsBehind&) = delete;
  PositionsBehind& operator=(const PositionsBehind&) = delete;

 private:
  ForwardContext& context_;
  at::Tensor given_;
};

// Blocks find the positions in the cache, an embedding that depends on them can't.
at::Tensor embed_behind(Model& model, const KvView& cache, const at::Tensor& ids_BT,
                        ForwardContext& context) {
  const PositionsBehind positions(cache, ids_BT, context);
  return model.embed(ids_BT, context);
}

}  // namespace

at::Tensor run_model(Model& model, const at::Tensor& ids_BT, ForwardContext& context, Recompute policy) {
  at::Tensor h_BTD = model.embed(ids_BT, context);
  const bool recompute = policy == Recompute::blocks && at::GradMode::is_enabled();
  for (std::int64_t layer = 0; layer < model.facts().num_layers; ++layer) {
    h_BTD = recompute ? run_recomputed(model, layer, h_BTD, context) : model.block(layer, h_BTD, context);
  }
  return model.final_norm(h_BTD, context);
}

at::Tensor run_model_cached(Model& model, const at::Tensor& ids_BT, KvView& cache, ForwardContext& context) {
  auto* cached = extension_of<KvCacheModel>(model);
  if (cached == nullptr) {
    throw Error(ErrorCode::unsupported, "this model can't decode with cached keys and values",
                "use a model with the extension " + std::string(KvCacheModel::kInterface));
  }
  at::Tensor h_BTD = embed_behind(model, cache, ids_BT, context);
  for (std::int64_t layer = 0; layer < model.facts().num_layers; ++layer) {
    h_BTD = cached->block_cached(layer, h_BTD, cache, context);
  }
  return model.final_norm(h_BTD, context);
}

}  // namespace easylm
