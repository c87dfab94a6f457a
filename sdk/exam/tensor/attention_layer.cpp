// Kernels that compute a whole layer in chunks, against its pieces over all tokens at once.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "attention.h"
#include "attention_trial.h"
#include "easylm/tensor/allocator.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/autograd_function.h"
#include "easylm/tensor/blockwise_layer.h"

namespace easylm::exam {
namespace {

constexpr std::int64_t kWidth = 24, kHeads = 4, kKeyHeads = 2, kHeadWidth = 8;

struct LayerCase {
  const char* name;
  std::int64_t batch, tokens;
  std::int64_t window = 0;
  bool segments = false, keep = false;
  at::ScalarType dtype = at::kFloat;
  std::int64_t hidden = 32;  // of the feed-forward
};

// A layer whose pieces tell tokens by their positions, and note what they are called on.
class TestLayer {
 public:
  TestLayer(const Subject& subject, const LayerCase& one) {
    const auto weight = [&](const char* name, std::int64_t outputs, std::int64_t inputs) {
      const double scale = 1 / std::sqrt(static_cast<double>(inputs));
      return (noise(subject, name, {outputs, inputs}) * scale).to(one.dtype).requires_grad_();
    };
    parameters_ = {weight("wq", kHeads * kHeadWidth, kWidth),
                   weight("wk", kKeyHeads * kHeadWidth, kWidth),
                   weight("wv", kKeyHeads * kHeadWidth, kWidth),
                   weight("wo", kWidth, kHeads * kHeadWidth),
                   weight("up", one.hidden, kWidth),
                   weight("down", kWidth, one.hidden)};
    call.h_BTD = noise(subject, "layer input", {one.batch, one.tokens, kWidth}, one.dtype).requires_grad_();
    call.scale = 1 / std::sqrt(static_cast<double>(kHeadWidth));
    const AttentionCall like = call_of(subject, {.batch = one.batch,
                                                 .queries = one.tokens,
                                                 .keys = one.tokens,
                                                 .window = one.window,
                                                 .segments = one.segments,
                                                 .keep = one.keep});
    call.mask = like.mask;
  }

  LayerPieces pieces() {
    LayerPieces pieces;
    pieces.queries = [this](const at::Tensor& h, TokenSpan tokens) {
      return turned(project(h, tokens, 0), tokens).unflatten(-1, {kHeads, kHeadWidth});
    };
    pieces.keys_values = [this](const at::Tensor& h, TokenSpan tokens) {
      return LayerPieces::KeysValues{
          turned(project(h, tokens, 1), tokens).unflatten(-1, {kKeyHeads, kHeadWidth}),
          project(h, tokens, 2).unflatten(-1, {kKeyHeads, kHeadWidth})};
    };
    pieces.finish = [this](const at::Tensor& h, const at::Tensor& o, TokenSpan tokens) {
      note_call(h, tokens);
      finished.push_back(tokens);
      const at::Tensor x = h + aten::linear(o.flatten(2, 3), parameters_[3]);
      return x + aten::linear(aten::linear(x, parameters_[4]).tanh(), parameters_[5]);
    };
    pieces.parameters = parameters_;
    return pieces;
  }

  // h and all parameters.
  Tensors inputs() const {
    Tensors all{call.h_BTD};
    all.insert(all.end(), parameters_.begin(), parameters_.end());
    return all;
  }

  // The layer in one piece, by the kernel's own forward().
  at::Tensor at_once(AttentionKernel& kernel) {
    const LayerPieces layer = pieces();
    const TokenSpan all{0, call.h_BTD.size(1)};
    const LayerPieces::KeysValues keys = layer.keys_values(call.h_BTD, all);
    AttentionCall attention{layer.queries(call.h_BTD, all), keys.k_BCKH, keys.v_BCKH, call.mask, call.scale};
    return layer.finish(call.h_BTD, kernel.forward(attention).o_BTNH, all);
  }

  LayerCall call;
  std::vector<TokenSpan> finished;
  std::int64_t longest = 0;  // tokens that a piece was called on

 private:
  void note_call(const at::Tensor& h, TokenSpan tokens) {
    longest = std::max(longest, tokens.size);
    expect(h.size(1) == tokens.size && tokens.begin >= 0 && tokens.begin + tokens.size <= call.h_BTD.size(1),
           "a piece was called on " + std::to_string(h.size(1)) + " tokens as those from " +
               std::to_string(tokens.begin) + " on, " + std::to_string(tokens.size) + " of them");
  }

  at::Tensor project(const at::Tensor& h, TokenSpan tokens, std::size_t parameter) {
    note_call(h, tokens);
    return aten::linear(h, parameters_[parameter]);
  }

  static at::Tensor turned(const at::Tensor& x_BCE, TokenSpan tokens) {
    const at::Tensor places = aten::arange(tokens.begin, tokens.begin + tokens.size).to(at::kFloat);
    return x_BCE * (places * 0.1).cos().unsqueeze(-1).to(x_BCE.scalar_type());
  }

  Tensors parameters_;
};

BlockwiseLayer& offered(AttentionKernel& kernel, const Subject& subject) {
  auto* layers = extension_of<BlockwiseLayer>(kernel);
  if (layers == nullptr) throw NotApplicable("it computes no layers in chunks");
  TestLayer layer(subject, {"", 1, 8});
  try {
    (void)layers->run_layer(layer.call, layer.pieces());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
    throw NotApplicable("it serves no layer in fp32 on the CPU");
  }
  return *layers;
}

at::Tensor weights_of(const Subject& subject, const at::Tensor& y_BTD) {
  return noise(subject, "weights", y_BTD.sizes(), y_BTD.scalar_type());
}

// The output and the gradients of h and all parameters.
Tensors differentiated(const Subject& subject, TestLayer& layer, const at::Tensor& y_BTD) {
  Tensors all{y_BTD.detach()};
  const Tensors gradients = gradients_of((y_BTD * weights_of(subject, y_BTD)).sum(), layer.inputs());
  all.insert(all.end(), gradients.begin(), gradients.end());
  return all;
}

constexpr std::array<const char*, 8> kNames{"output",
                                            "gradient of the input",
                                            "gradient of the queries' weight",
                                            "gradient of the keys' weight",
                                            "gradient of the values' weight",
                                            "gradient of the output's weight",
                                            "gradient of the feed-forward's first weight",
                                            "gradient of the feed-forward's second weight"};

// Sums in another order, of up to some thousand numbers.
double layer_tolerance(at::ScalarType dtype) { return 4 * tolerance_of(dtype); }

void expect_same_layer(const Tensors& found, const Tensors& wanted, at::ScalarType dtype,
                       const std::string& where) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double apart = distance(found[i], wanted[i]);
    expect(apart <= layer_tolerance(dtype), where + ": the " + kNames[i] +
                                                " is another one than in one piece, by " + text_of(apart) +
                                                " of the greatest");
  }
}

}  // namespace

void layers_equal_their_pieces(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  BlockwiseLayer& layers = offered(*kernel, subject);
  for (const LayerCase& one :
       {LayerCase{"one token", 1, 1}, LayerCase{"7 tokens", 2, 7}, LayerCase{"1,300 tokens", 2, 1300},
        LayerCase{"1,300 tokens, window 100", 1, 1300, 100},
        LayerCase{"700 tokens in documents, forgetful", 3, 700, 0, true, true},
        LayerCase{"700 tokens in bf16", 2, 700, 0, false, false, at::kBFloat16}}) {
    note(one.name);
    TestLayer layer(subject, one);
    AttentionCall like = call_of(subject, {.batch = one.batch, .dtype = one.dtype, .keep = one.keep});
    if (!serves(*kernel, as_leaves(like))) continue;
    const Tensors wanted = differentiated(subject, layer, layer.at_once(*kernel));
    const at::Tensor y_BTD = layers.run_layer(layer.call, layer.pieces());
    expect(y_BTD.requires_grad(),
           std::string(one.name) + ": the output of a layer that needs gradients has none");
    expect_same_layer(differentiated(subject, layer, y_BTD), wanted, one.dtype, one.name);
  }
}

void layers_give_what_is_asked_for(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  BlockwiseLayer& layers = offered(*kernel, subject);
  TestLayer layer(subject, {"", 2, 600});
  const Tensors wanted = differentiated(subject, layer, layer.at_once(*kernel));
  const Tensors inputs = layer.inputs();
  for (std::size_t asked = 0; asked < inputs.size(); ++asked) {
    note(std::string("only the ") + kNames[asked + 1]);
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].requires_grad_(i == asked);
    const at::Tensor y_BTD = layers.run_layer(layer.call, layer.pieces());
    const Tensors alone = gradients_of((y_BTD * weights_of(subject, y_BTD)).sum(), {inputs[asked]});
    const double apart = distance(alone[0], wanted[asked + 1]);
    expect(apart <= layer_tolerance(at::kFloat), std::string("asked for alone, the ") + kNames[asked + 1] +
                                                     " is another one, by " + text_of(apart) +
                                                     " of the greatest");
  }
  const at::NoGradGuard no_grad;
  const at::Tensor y_BTD = layers.run_layer(layer.call, layer.pieces());
  expect(!y_BTD.requires_grad(), "a layer without a graph has an output with one");
  expect(distance(y_BTD, wanted[0]) <= layer_tolerance(at::kFloat),
         "without a graph the output is another one");
}

void layers_come_in_chunks(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  BlockwiseLayer& layers = offered(*kernel, subject);
  TestLayer layer(subject, {"", 1, 4096, 64});
  const at::Tensor y_BTD = layers.run_layer(layer.call, layer.pieces());
  std::int64_t next = 0;
  for (const TokenSpan& span : layer.finished) {
    expect(span.begin == next, "in the forward pass the layer is finished at token " +
                                   std::to_string(span.begin) + " where " + std::to_string(next) +
                                   " is next");
    next += span.size;
  }
  expect(next == 4096, "of 4096 tokens " + std::to_string(next) + " are finished");
  (void)differentiated(subject, layer, y_BTD);
  expect(layer.longest <= 2048,
         "a piece is called on " + std::to_string(layer.longest) + " of 4096 tokens at once");
}

void layers_stay_small(const Subject& subject) {
  constexpr std::int64_t kTokens = 4096, kHidden = 2048;
  const auto kernel = subject.make<AttentionKernel>();
  BlockwiseLayer& layers = offered(*kernel, subject);
  install_cpu_allocator();
  TestLayer layer(subject, {"", 1, kTokens, 0, false, false, at::kFloat, kHidden});
  reset_cpu_memory_peaks();
  const std::int64_t before = cpu_memory().in_use;
  (void)differentiated(subject, layer, layers.run_layer(layer.call, layer.pieces()));
  const std::int64_t most = cpu_memory().peak - before, whole = kTokens * kHidden * 4;
  expect(most < whole, "a layer of " + std::to_string(kTokens) + " tokens takes " +
                           std::to_string(most >> 20U) +
                           " MiB; its feed-forward over all tokens, or their scores, would be " +
                           std::to_string(whole >> 20U) + " MiB");
}

void layers_are_deterministic(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  BlockwiseLayer& layers = offered(*kernel, subject);
  TestLayer layer(subject, {"", 2, 1300}), other(subject, {"", 1, 9});
  const Tensors first = differentiated(subject, layer, layers.run_layer(layer.call, layer.pieces()));
  (void)differentiated(subject, other, layers.run_layer(other.call, other.pieces()));
  const Tensors second = differentiated(subject, layer, layers.run_layer(layer.call, layer.pieces()));
  for (std::size_t i = 0; i < first.size(); ++i) {
    expect(same_bits(first[i], second[i]),
           std::string("the ") + kNames[i] + " differs in some bits when the same is asked again");
  }
}

namespace {

// As activation checkpointing runs a block: without a graph, and again in the backward pass.
class Recomputed : public AutogradFunction {
 public:
  Recomputed(BlockwiseLayer& layers, TestLayer& layer) : layers_(layers), layer_(layer) {}

  at::Tensor forward(const easylm::Tensors& inputs, easylm::Tensors& saved) override {
    saved = inputs;
    return layers_.run_layer(layer_.call, layer_.pieces());
  }

  easylm::Tensors backward(const easylm::Tensors& saved, const at::Tensor& gradient,
                           const std::vector<bool>& /*wanted*/) override {
    const at::AutoGradMode with_graph(true);
    const at::Tensor y_BTD = layers_.run_layer(layer_.call, layer_.pieces());
    return gradients_of((y_BTD * gradient).sum(), saved);
  }

 private:
  BlockwiseLayer& layers_;
  TestLayer& layer_;
};

}  // namespace

void layers_can_be_recomputed(const Subject& subject) {
  const auto kernel = subject.make<AttentionKernel>();
  BlockwiseLayer& layers = offered(*kernel, subject);
  TestLayer layer(subject, {"", 2, 600}), other(subject, {"", 1, 300});
  const Tensors wanted = differentiated(subject, layer, layers.run_layer(layer.call, layer.pieces()));
  const at::Tensor first = layers.run_layer(layer.call, layer.pieces());
  (void)layers.run_layer(other.call, other.pieces());
  expect_same_layer(differentiated(subject, layer, first), wanted, at::kFloat,
                    "with another layer between forward and backward pass");
  const at::Tensor nested = apply_function(std::make_shared<Recomputed>(layers, layer), layer.inputs());
  expect_same_layer(differentiated(subject, layer, nested), wanted, at::kFloat,
                    "computed again inside a backward pass");
}

}  // namespace easylm::exam
