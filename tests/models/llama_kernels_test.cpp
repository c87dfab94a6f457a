// A whole LLaMA computes the same whatever kernel attends: loss, each parameter's gradient, ten training
// steps.
#include <gtest/gtest.h>

#include <array>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/train_step.h"
#include "models/tiny_llama.h"

namespace easylm::testing {
namespace {

using schema_detail::to_value;

struct Variant {
  const char* name;
  const char* attention;
  bool blockwise;
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

constexpr std::int64_t kRows = 2, kLength = 48;

std::shared_ptr<Model> llama_with(const Variant& variant) {
  return tiny_llama(tiny_table(
      {{"attention", to_value(Table{variant.attention})}, {"blockwise", to_value(variant.blockwise)}}));
}

constexpr Variant kReference{"reference", "reference", false};

class LlamaKernels : public ::testing::TestWithParam<Variant> {};

TEST_P(LlamaKernels, HaveTheLossAndGradientsOfTheReference) {
  const at::Tensor ids = some_ids(kRows, kLength + 1);
  ForwardContext context(Phase::train);
  const auto model = llama_with(GetParam());
  const Differentiated found = differentiate(*model, ids, context),
                       wanted = differentiate(*llama_with(kReference), ids, context);
  EXPECT_NEAR(found.loss, wanted.loss, 1e-6 * wanted.loss);
  const auto parameters = parameters_of(*model);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_LT(relative_error(found.gradients[i], wanted.gradients[i]), 2e-5) << parameters[i].name;
  }
}

// The loss before each of ten updates, and the weights after them.
struct Training {
  std::vector<double> losses;
  std::shared_ptr<Model> model;
};

Training train(const Variant& variant) {
  Table settings = table_of("adamw");
  settings.set("schedule", {table_of("constant", {{"value", to_value(1e-3)}}), {}});
  const auto optimizer = llama_host().make<Optimizer>(settings);
  Training training{{}, llama_with(variant)};
  TrainStep step(*training.model, *optimizer, {});
  for (std::int64_t i = 0; i < 10; ++i) {
    const at::Tensor ids = some_ids(kRows, kLength + 1).add(i).remainder(97).to(at::kInt);
    const at::Tensor inputs = ids.narrow(1, 0, kLength).contiguous(),
                     targets = ids.narrow(1, 1, kLength).contiguous();
    const std::vector<float> mask(kRows * kLength, 1);
    const auto numbers = [](const at::Tensor& x) {
      return std::span(x.const_data_ptr<std::int32_t>(), static_cast<std::size_t>(x.numel()));
    };
    TokenBatch batch;
    batch.num_rows = kRows;
    batch.length = kLength;
    batch.inputs = numbers(inputs);
    batch.targets = numbers(targets);
    batch.mask = mask;
    batch.first.where = "test batch";
    step.accumulate(batch);
    training.losses.push_back(step.update(i).loss);
  }
  return training;
}

TEST_P(LlamaKernels, TrainLikeTheReferenceForTenSteps) {
  const Training found = train(GetParam()), wanted = train(kReference);
  ASSERT_EQ(found.losses.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_NEAR(found.losses[i], wanted.losses[i], 1e-4 * wanted.losses[i]) << "step " << i;
  }
  const auto parameters = parameters_of(*found.model), others = parameters_of(*wanted.model);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_LT(relative_error(parameters[i].value, others[i].value), 1e-3) << parameters[i].name;
  }
  EXPECT_NE(found.losses.front(), found.losses.back());
}

INSTANTIATE_TEST_SUITE_P(Variants, LlamaKernels,
                         ::testing::Values(Variant{"bpt", "bpt", false},
                                           Variant{"bpt_blockwise", "bpt", true},
                                           Variant{"sdpa", "sdpa", false},
                                           Variant{"auto_blockwise", "auto", true}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace easylm::testing
