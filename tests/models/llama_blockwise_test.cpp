// LLaMA's layers in chunks: the same loss and gradients as in one piece, whatever the chunks, masks and
// dtype.
#include <gtest/gtest.h>

#include <string>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "models/tiny_llama.h"

namespace easylm::testing {
namespace {

using schema_detail::to_value;

Table bpt(std::int64_t chunk) {
  Table table{"bpt"};
  table.set("layer_chunk", to_value(chunk));
  return table;
}

std::shared_ptr<Model> in_one_piece(at::ScalarType type = at::kFloat) {
  return tiny_llama(
      tiny_table({{"attention", to_value(Table{"reference"})}, {"attention_bias", to_value(true)}}), type);
}

std::shared_ptr<Model> in_chunks(std::int64_t chunk, at::ScalarType type = at::kFloat) {
  return tiny_llama(tiny_table({{"attention", to_value(bpt(chunk))},
                                {"blockwise", to_value(true)},
                                {"attention_bias", to_value(true)}}),
                    type);
}

ForwardContext& with_documents(ForwardContext& context) {
  const auto document = [](std::int64_t number, std::int64_t length) {
    return aten::full({1, length}, number, at::kInt);
  };
  context.segments_BT =
      aten::cat({document(0, 5), document(1, 1), document(2, 30), document(3, 12)}, 1).expand({2, 48});
  context.positions =
      aten::cat({aten::arange(5), aten::arange(1), aten::arange(30), aten::arange(12)}).expand({2, 48});
  return context;
}

void expect_same(const Differentiated& found, const Differentiated& wanted, Model& model, double tolerance) {
  EXPECT_NEAR(found.loss, wanted.loss, tolerance * wanted.loss);
  const auto parameters = parameters_of(model);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_LT(relative_error(found.gradients[i], wanted.gradients[i]), tolerance) << parameters[i].name;
  }
}

TEST(LlamaInChunks, HasTheLossAndGradientsOfOnePiece) {
  const at::Tensor ids = some_ids(2, 49);
  const auto whole = in_one_piece();
  for (const bool packed : {false, true}) {
    ForwardContext context(Phase::train);
    if (packed) with_documents(context);
    const Differentiated wanted = differentiate(*whole, ids, context);
    for (const std::int64_t chunk : {1, 7, 16, 48, 1000, 0}) {
      SCOPED_TRACE("chunk " + std::to_string(chunk) + (packed ? ", packed" : ""));
      const auto model = in_chunks(chunk);
      expect_same(differentiate(*model, ids, context), wanted, *model, 2e-5);
    }
  }
}

TEST(LlamaInChunks, IsNoWorseInBf16ThanOnePieceIs) {
  const at::Tensor ids = some_ids(2, 49);
  ForwardContext context(Phase::train);
  const auto exact = in_one_piece(), whole = in_one_piece(at::kBFloat16),
             model = in_chunks(16, at::kBFloat16);
  const Differentiated wanted = differentiate(*exact, ids, context);
  const Differentiated plain = differentiate(*whole, ids, context),
                       chunked = differentiate(*model, ids, context);
  const auto parameters = parameters_of(*model);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_LT(relative_error(chunked.gradients[i], wanted.gradients[i]),
              1.5 * relative_error(plain.gradients[i], wanted.gradients[i]) + 1e-3)
        << parameters[i].name;
  }
}

TEST(LlamaInChunks, ForgetsTheSameTokens) {
  const at::Tensor ids = some_ids(2, 49);
  const std::pair<std::string, Value> forgetful{"fcm_max_ratio", to_value(0.4)};
  const auto whole = tiny_llama(tiny_table({{"attention", to_value(Table{"reference"})}, forgetful}));
  const auto model =
      tiny_llama(tiny_table({{"attention", to_value(bpt(16))}, {"blockwise", to_value(true)}, forgetful}));
  ForwardContext context(Phase::train);
  expect_same(differentiate(*model, ids, context), differentiate(*whole, ids, context), *model, 2e-5);
}

TEST(LlamaInChunks, DrawsDropoutAgainAsItWasDrawn) {
  const auto model = tiny_llama(tiny_table({{"attention", to_value(bpt(16))},
                                            {"blockwise", to_value(true)},
                                            {"residue_dropout", to_value(0.3)},
                                            {"feedforward_dropout", to_value(0.3)}}));
  const at::Tensor ids = some_ids(2, 33);
  require_gradients(*model);
  const at::Tensor weight = parameters_of(*model)[2].value;
  const auto gradient = [&](std::uint64_t draw_at_backward) {
    ForwardContext context(Phase::train);
    const at::Tensor h = run_model(*model, ids, context, Recompute::none);
    context.draw = draw_at_backward;
    return torch::autograd::grad({h.sum()}, {weight})[0];
  };
  EXPECT_TRUE(aten::equal(gradient(0), gradient(5)));

  // Chunks draw numbers of their own: the first 16 tokens' aren't the next 16's.
  ForwardContext context(Phase::train);
  const at::NoGradGuard no_grad;
  const at::Tensor same_ids = aten::zeros({1, 32}, at::kLong);
  const at::Tensor h_BTD = aten::ones({1, 32, 64}, at::kFloat);
  context.positions = aten::zeros({32}, at::kLong);
  const at::Tensor out = model->block(0, h_BTD, context);
  EXPECT_FALSE(aten::equal(out.narrow(1, 0, 16), out.narrow(1, 16, 16)));
}

TEST(LlamaInChunks, DifferentiatesWhatIsAskedForAlone) {
  const at::Tensor ids = some_ids(1, 40);
  const auto whole = in_one_piece(), model = in_chunks(16);
  for (const char* name : {"model.layers.0.self_attn.q_proj.weight", "model.layers.0.self_attn.k_proj.weight",
                           "model.layers.1.self_attn.v_proj.bias", "model.layers.0.mlp.up_proj.weight",
                           "model.layers.1.input_layernorm.weight"}) {
    const auto gradient = [&](Model& of) {
      at::Tensor asked;
      for (Parameter& parameter : parameters_of(of)) {
        parameter.value.requires_grad_(parameter.name == name);
        if (parameter.name == name) asked = parameter.value;
      }
      ForwardContext context(Phase::train);
      return torch::autograd::grad({run_model(of, ids, context, Recompute::none).square().sum()}, {asked})[0];
    };
    EXPECT_LT(relative_error(gradient(*model), gradient(*whole)), 2e-5) << name;
  }
}

TEST(LlamaInChunks, GivesTheSameBitsEveryTime) {
  const at::Tensor ids = some_ids(2, 49);
  const auto model = in_chunks(16);
  ForwardContext context(Phase::train);
  const Differentiated first = differentiate(*model, ids, context),
                       second = differentiate(*model, ids, context);
  EXPECT_EQ(first.loss, second.loss);
  for (std::size_t i = 0; i < first.gradients.size(); ++i) {
    EXPECT_TRUE(aten::equal(first.gradients[i], second.gradients[i])) << parameters_of(*model)[i].name;
  }
}

// Under recomputation of blocks as well, which is of no use but no harm.
TEST(LlamaInChunks, MayBeRecomputedAsABlock) {
  const at::Tensor ids = some_ids(2, 49);
  const auto model = in_chunks(16);
  ForwardContext context(Phase::train);
  expect_same(differentiate(*model, ids, context, Recompute::blocks), differentiate(*model, ids, context),
              *model, 1e-6);
}

TEST(LlamaInChunks, HoldsOneChunkAtATime) {
  install_cpu_allocator();
  const at::Tensor ids = some_ids(1, 2049);
  const auto peak = [&](bool blockwise) {
    const auto model = tiny_llama(tiny_table({{"attention", to_value(bpt(128))},
                                              {"blockwise", to_value(blockwise)},
                                              {"num_hidden_layers", to_value(std::int64_t{8})},
                                              {"intermediate_size", to_value(std::int64_t{512})},
                                              {"max_position_embeddings", to_value(std::int64_t{2048})}}));
    ForwardContext context(Phase::train);
    reset_cpu_memory_peaks();
    const std::int64_t before = cpu_memory().in_use;
    differentiate(*model, ids, context);
    return cpu_memory().peak - before;
  };
  const std::int64_t chunked = peak(true), whole = peak(false);
  EXPECT_LT(chunked * 6, whole) << chunked << " bytes in chunks, " << whole << " in one piece";
}

TEST(LlamaInChunks, RefusesAKernelThatCannot) {
  try {
    tiny_llama(tiny_table({{"attention", to_value(Table{"sdpa"})}, {"blockwise", to_value(true)}}));
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_NE(std::string(error.what()).find("can't compute layers in chunks"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace easylm::testing
