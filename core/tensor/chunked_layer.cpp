// A layer as one autograd node: forward over chunks, and a backward pass that computes each chunk again.
#include "easylm/tensor/chunked_layer.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/autograd_function.h"

namespace easylm {
namespace {

constexpr std::int64_t kTokensAtOnce = 1024;
constexpr std::int64_t kUnit = 64;  // kernels work in blocks of so many tokens or a multiple

// Chunks of nearly equal size.
std::int64_t chunk_of(const at::Tensor& h_BTD, std::int64_t wanted) {
  const std::int64_t tokens = h_BTD.size(1);
  const std::int64_t most =
      wanted > 0 ? wanted : std::max(kUnit, kTokensAtOnce / std::max<std::int64_t>(1, h_BTD.size(0)));
  if (most >= tokens || wanted > 0) return most;
  const std::int64_t count = (tokens + most - 1) / most;
  return ((tokens + count - 1) / count + kUnit - 1) / kUnit * kUnit;
}

at::Tensor at_tokens(const at::Tensor& x_BTD, TokenSpan tokens) {
  return x_BTD.narrow(1, tokens.begin, tokens.size);
}

at::Tensor sum_of(const at::Tensor& x, const at::Tensor& y) {
  if (!x.defined() || !y.defined()) return x.defined() ? x : y;
  return x + y;
}

// Gradients of the parameters, summed over chunks in fp32.
class ParameterSums {
 public:
  ParameterSums(const Tensors& parameters, const std::vector<bool>& wanted) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (wanted[i + 1]) asked_.push_back({i, parameters[i], {}});
    }
  }

  // Of `outputs` with `gradients`, in each leaf, undefined where there is none; adds the parameters' to the
  // sums.
  Tensors differentiate(const Tensors& outputs, const Tensors& gradients, const Tensors& leaves) {
    Tensors inputs;
    for (const at::Tensor& leaf : leaves) {
      if (leaf.requires_grad()) inputs.push_back(leaf);
    }
    for (const Asked& asked : asked_) inputs.push_back(asked.parameter);
    if (inputs.empty()) return Tensors(leaves.size());
    const Tensors found = torch::autograd::grad(outputs, inputs, gradients, false, false, true);
    std::size_t next = 0;
    Tensors of_leaves;
    for (const at::Tensor& leaf : leaves)
      of_leaves.push_back(leaf.requires_grad() ? found[next++] : at::Tensor());
    for (Asked& asked : asked_) add(asked.sum, found[next++]);
    return of_leaves;
  }

  // One for each input of the node, the first being the layer's.
  void move_into(Tensors& gradients) {
    for (Asked& asked : asked_) {
      if (asked.sum.defined()) gradients[asked.index + 1] = asked.sum.to(asked.parameter.scalar_type());
    }
  }

 private:
  struct Asked {
    std::size_t index;
    at::Tensor parameter;
    at::Tensor sum;  // undefined until something is added
  };

  static void add(at::Tensor& sum, const at::Tensor& gradient) {
    if (!gradient.defined()) return;
    const bool narrow = gradient.scalar_type() == at::kBFloat16 || gradient.scalar_type() == at::kHalf;
    if (sum.defined()) {
      sum.add_(gradient);
    } else {
      sum = narrow ? gradient.to(at::kFloat) : gradient;
    }
  }

  std::vector<Asked> asked_;
};

// Of h_BTD and the parameters.
class LayerInChunks : public AutogradFunction {
 public:
  LayerInChunks(const LayerCall& call, LayerPieces pieces, MakeChunkAttention attention, std::int64_t chunk)
      : mask_(call.mask),
        scale_(call.scale),
        pieces_(std::move(pieces)),
        attention_(std::move(attention)),
        chunk_(chunk) {
    pieces_.parameters.clear();  // they are inputs of the node
  }

  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    const at::Tensor& h_BTD = inputs[0];
    saved = inputs;
    const std::unique_ptr<ChunkAttention> attention = prepare(h_BTD, LayerPass::forward);
    at::Tensor y_BTD = aten::empty(h_BTD.sizes(), h_BTD.options());
    for_chunks(h_BTD, [&](TokenSpan tokens) {
      const at::Tensor h_BCD = at_tokens(h_BTD, tokens);
      const at::Tensor o_BCNH = attention->forward(pieces_.queries(h_BCD, tokens), tokens).o_BTNH;
      at_tokens(y_BTD, tokens).copy_(pieces_.finish(h_BCD, o_BCNH, tokens));
    });
    return y_BTD;
  }

  Tensors backward(const Tensors& saved, const at::Tensor& dy_BTD, const std::vector<bool>& wanted) override {
    const at::Tensor& h_BTD = saved[0];
    const std::unique_ptr<ChunkAttention> attention = prepare(h_BTD, LayerPass::backward);
    ParameterSums sums({saved.begin() + 1, saved.end()}, wanted);
    Tensors gradients(saved.size());
    if (wanted[0]) gradients[0] = aten::zeros(h_BTD.sizes(), h_BTD.options());
    const auto add = [&](TokenSpan tokens, const at::Tensor& dh_BCD) {
      if (dh_BCD.defined()) at_tokens(gradients[0], tokens).add_(dh_BCD);
    };
    for_chunks(h_BTD, [&](TokenSpan tokens) {
      const at::Tensor h_BCD = at_leaf(h_BTD, tokens, wanted[0]);
      add(tokens, differentiate_queries(*attention, h_BCD, at_tokens(dy_BTD, tokens), tokens, sums));
    });
    for_chunks(h_BTD, [&](TokenSpan tokens) {
      add(tokens, differentiate_keys(*attention, at_leaf(h_BTD, tokens, wanted[0]), tokens, sums));
    });
    sums.move_into(gradients);
    return gradients;
  }

 private:
  template <typename Body>
  void for_chunks(const at::Tensor& h_BTD, const Body& body) const {
    const std::int64_t num_tokens = h_BTD.size(1);
    for (std::int64_t begin = 0; begin < num_tokens; begin += chunk_)
      body(TokenSpan{begin, std::min(chunk_, num_tokens - begin)});
  }

  // The attention with all keys and values in it.
  std::unique_ptr<ChunkAttention> prepare(const at::Tensor& h_BTD, LayerPass pass) const {
    std::unique_ptr<ChunkAttention> attention = attention_({h_BTD, mask_, scale_}, pass);
    for_chunks(h_BTD, [&](TokenSpan tokens) {
      const LayerPieces::KeysValues chunk = pieces_.keys_values(at_tokens(h_BTD, tokens), tokens);
      attention->add_keys(chunk.k_BCKH, chunk.v_BCKH, tokens);
    });
    return attention;
  }

  // A part of h that starts a graph of its own.
  static at::Tensor at_leaf(const at::Tensor& h_BTD, TokenSpan tokens, bool wanted) {
    return at_tokens(h_BTD, tokens).detach().requires_grad_(wanted);
  }

  // Through what follows the attention, the attention, and the queries: the gradient of h as far as it comes
  // by them.
  at::Tensor differentiate_queries(ChunkAttention& attention, const at::Tensor& h_BCD,
                                   const at::Tensor& dy_BCD, TokenSpan tokens, ParameterSums& sums) const {
    const at::AutoGradMode with_graph(true);
    const at::Tensor q_BCNH = pieces_.queries(h_BCD, tokens), q_alone = q_BCNH.detach();
    const AttentionResult result = attention.forward(q_alone, tokens);
    const at::Tensor o_BCNH = result.o_BTNH.detach().requires_grad_(true);
    const at::Tensor y_BCD = pieces_.finish(h_BCD, o_BCNH, tokens);
    Tensors found = sums.differentiate({y_BCD}, {dy_BCD}, {o_BCNH, h_BCD});
    const at::Tensor do_BCNH = found[0].defined() ? found[0] : o_BCNH.new_zeros(o_BCNH.sizes());
    const at::Tensor dq_BCNH = attention.backward(q_alone, result, do_BCNH, tokens);
    if (!q_BCNH.requires_grad()) return found[1];
    return sum_of(found[1], sums.differentiate({q_BCNH}, {dq_BCNH}, {h_BCD})[0]);
  }

  // The gradient of h as far as it comes by keys and values; undefined if none does.
  at::Tensor differentiate_keys(ChunkAttention& attention, const at::Tensor& h_BCD, TokenSpan tokens,
                                ParameterSums& sums) const {
    const at::AutoGradMode with_graph(true);
    const LayerPieces::KeysValues chunk = pieces_.keys_values(h_BCD, tokens);
    const LayerPieces::KeysValues gradients = attention.gradients(tokens);
    Tensors outputs, of_outputs;
    if (chunk.k_BCKH.requires_grad()) {
      outputs.push_back(chunk.k_BCKH);
      of_outputs.push_back(gradients.k_BCKH);
    }
    if (chunk.v_BCKH.requires_grad()) {
      outputs.push_back(chunk.v_BCKH);
      of_outputs.push_back(gradients.v_BCKH);
    }
    if (outputs.empty()) return {};
    return sums.differentiate(outputs, of_outputs, {h_BCD})[0];
  }

  AttentionMask mask_;
  double scale_;
  LayerPieces pieces_;
  MakeChunkAttention attention_;
  std::int64_t chunk_;
};

}  // namespace

ChunkAttention::~ChunkAttention() = default;

at::Tensor run_layer_in_chunks(const LayerCall& call, const LayerPieces& pieces,
                               const MakeChunkAttention& attention, std::int64_t chunk) {
  EASYLM_CHECK(call.h_BTD.dim() == 3, "a layer's input is [batch, tokens, width]");
  Tensors inputs{call.h_BTD};
  inputs.insert(inputs.end(), pieces.parameters.begin(), pieces.parameters.end());
  return apply_function(std::make_shared<LayerInChunks>(call, pieces, attention, chunk_of(call.h_BTD, chunk)),
                        inputs);
}

}  // namespace easylm
