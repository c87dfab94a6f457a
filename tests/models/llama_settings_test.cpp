// LLaMA's settings: facts that the host works out, presets, constraints, config.json, refusals.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "config/checker.h"
#include "easylm/tensor/aten.h"
#include "models/tiny_llama.h"
#include "plugin/catalogue.h"
#include "support/paths.h"

namespace easylm::testing {
namespace {

using schema_detail::to_value;

const Catalogue& catalogue() {
  static const Catalogue shared(SearchPath{{build_folder() / "lib/easylm/plugins"}, {}});
  return shared;
}

const ComponentDescription& description() { return *catalogue().find("model", "llama"); }

// As a pipeline file's table becomes after the check; what is wrong with it is in `diagnostics`.
Table checked(const Table& raw, Diagnostics& diagnostics) {
  const std::filesystem::path directory = "/";
  Checker checker(catalogue(), directory, diagnostics);
  return checker.check_component({raw, {}}, {"model", "model", {}, Unset::fill_in}).value_or(Table{});
}

Table checked(const Table& raw) {
  Diagnostics diagnostics;
  const Table table = checked(raw, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.text();
  return table;
}

double fact(const Table& raw, const char* name) {
  Table table = checked(raw);
  table.set("sequence_length", to_value(std::int64_t{128}));
  return evaluate_fact(description(), table, name).value_or(-1);
}

std::vector<Table> variants() {
  return {tiny_table(), tiny_table({{"tie_word_embeddings", to_value(true)}}),
          tiny_table({{"attention_bias", to_value(true)}}),
          tiny_table({{"mlp_bias", to_value(true)}, {"num_key_value_heads", to_value(std::int64_t{0})}}),
          tiny_table({{"head_dim", to_value(std::int64_t{24})}})};
}

TEST(LlamaSettings, FactsEqualTheRealModel) {
  for (const Table& table : variants()) {
    const auto model = empty_llama(table);
    std::int64_t count = 0;
    for (const Parameter& parameter : parameters_of(*model)) count += parameter.value.numel();
    EXPECT_EQ(fact(table, "parameters"), static_cast<double>(count));
    EXPECT_EQ(model->facts().num_parameters, count);
    EXPECT_DOUBLE_EQ(fact(table, "flops_per_token"), model->flops_per_token(128));
  }
}

TEST(LlamaSettings, FlopsAreThoseOfItsMatrixProducts) {
  const auto model = empty_llama(tiny_table());
  double products = 0;
  for (const Parameter& parameter : parameters_of(*model)) {
    const bool looked_up = parameter.name == "model.embed_tokens.weight";
    if (parameter.value.dim() == 2 && !looked_up) products += static_cast<double>(parameter.value.numel());
  }
  // Scores and values: two products of T · N · H each, three times over with the backward pass.
  EXPECT_DOUBLE_EQ(model->flops_per_token(128), 6 * products + 2 * 3 * 2 * 2 * 128 * 4 * 16);
}

// Bytes held after a forward pass of 8 rows of 256 tokens.
double held_by(Model& model, Recompute policy) {
  ForwardContext context(Phase::train);
  const at::Tensor ids = some_ids(8, 256);
  install_cpu_allocator();
  run_model(model, ids, context, policy);  // angles and other lasting things
  const std::int64_t before = cpu_memory().in_use;
  const at::Tensor h = run_model(model, ids, context, policy);
  return static_cast<double>(cpu_memory().in_use - before);
}

TEST(LlamaSettings, EstimatesActivationsWithinAQuarter) {
  const Table table = tiny_table({{"max_position_embeddings", to_value(std::int64_t{256})}});
  const auto model = tiny_llama(table);
  require_gradients(*model);
  const double held = held_by(*model, Recompute::none), kept = held_by(*model, Recompute::blocks);
  EXPECT_NEAR(fact(table, "activation_bytes_per_token") * 8 * 256 / held, 1, 0.25);
  // What recomputing one layer needs at a time comes on top of what is kept of all of them.
  Table deeper = table;
  deeper.set("num_hidden_layers", to_value(std::int64_t{3}));
  const double all = fact(table, "activation_bytes_per_token");
  const double layer = fact(deeper, "activation_bytes_per_token") - all;
  EXPECT_NEAR((fact(table, "recomputed_activation_bytes_per_token") - layer) * 8 * 256 / kept, 1, 0.25);
}

TEST(LlamaSettings, EveryPresetIsAValidModelOfItsSize) {
  const std::pair<const char*, double> billions[] = {
      {"llama_1b", 1.24},   {"llama_3b", 3.43},  {"llama_7b", 6.74},  {"llama_13b", 13.0},
      {"llama_30b", 32.5},  {"llama_65b", 65.3}, {"llama2_7b", 6.74}, {"llama2_13b", 13.0},
      {"llama2_70b", 69.0}, {"llama3_8b", 8.03}, {"llama3_70b", 70.6}};
  ASSERT_EQ(description().presets.size(), 12U);  // and debug
  for (const auto& [name, size] : billions) {
    const Table table = table_of("llama", {{"preset", to_value(std::string(name))}});
    EXPECT_NEAR(fact(table, "parameters") / 1e9 / size, 1, 0.01) << name;
  }
  EXPECT_GT(fact(table_of("llama", {{"preset", to_value(std::string("debug"))}}), "parameters"), 0);
}

TEST(LlamaSettings, CheckNamesSizesThatDoNotFit) {
  const std::pair<Table, const char*> cases[] = {
      {tiny_table({{"hidden_size", to_value(std::int64_t{66})}}), "not a multiple of num_attention_heads"},
      {tiny_table({{"num_key_value_heads", to_value(std::int64_t{3})}}), "num_key_value_heads"},
      {tiny_table({{"head_dim", to_value(std::int64_t{15})}}), "even"},
      {tiny_table({{"hidden_act", to_value(std::string("gelu"))}}), "hidden_act"},
      {tiny_table({{"fcm_min_ratio", to_value(0.5)}}), "fcm_min_ratio"},
      {tiny_table(
           {{"rope_scaling", to_value(table_of("", {{"rope_type", to_value(std::string("longrope"))}}))}}),
       "rope_type"}};
  for (const auto& [table, text] : cases) {
    Diagnostics diagnostics;
    checked(table, diagnostics);
    EXPECT_NE(diagnostics.text().find(text), std::string::npos) << text << ":\n" << diagnostics.text();
  }
}

void expect_refusal(const Table& table, const std::string& text) {
  try {
    llama_host().make<Model>(table);
    ADD_FAILURE() << "accepted, instead of: " << text;
  } catch (const Error& error) {
    EXPECT_NE(error.message().find(text), std::string::npos) << error.message();
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(LlamaSettings, RefusesWhatCannotRunBeforeAnythingIsAllocated) {
  expect_refusal(tiny_table({{"vocab_size", to_value(std::int64_t{0})}}), "vocab_size");
  expect_refusal(tiny_table({{"attention_dropout", to_value(0.1)}, {"attention", {table_of("sdpa"), {}}}}),
                 "sdpa");
  const Table linear = table_of("", {{"rope_type", to_value(std::string("linear"))}});
  expect_refusal(tiny_table({{"rope_scaling", to_value(linear)}}), "incomplete");
  const Table yarn = table_of("", {{"rope_type", to_value(std::string("yarn"))},
                                   {"factor", to_value(2.0)},
                                   {"beta_fast", to_value(1.0)},
                                   {"beta_slow", to_value(4.0)}});
  expect_refusal(tiny_table({{"rope_scaling", to_value(yarn)}}), "beta_fast must not be below beta_slow");
}

TEST(LlamaSettings, NamesTheTokenOrLengthThatItCannotTake) {
  const auto model = tiny_llama(tiny_table());
  EXPECT_THROW(logits_of(*model, some_ids(1, 65)), Error);  // 64 positions
  EXPECT_NO_THROW(logits_of(*model, some_ids(1, 64)));
  at::Tensor ids = some_ids(1, 4);
  ids.select(1, 2).fill_(97);
  try {
    logits_of(*model, ids);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("token id 97"), std::string::npos) << error.message();
  }
}

TEST(LlamaSettings, ConfigJsonMakesTheSameModelAgain) {
  const Table scaling = table_of("", {{"rope_type", to_value(std::string("llama3"))},
                                      {"factor", to_value(4.0)},
                                      {"low_freq_factor", to_value(1.0)},
                                      {"high_freq_factor", to_value(4.0)},
                                      {"original_max_position_embeddings", to_value(std::int64_t{16})},
                                      {"rope_theta", to_value(5e5)}});
  const auto first = empty_llama(tiny_table({{"rope_parameters", to_value(scaling)},
                                             {"attention_bias", to_value(true)},
                                             {"residue_dropout", to_value(0.1)}}));
  Table config = first->hf_config();
  EXPECT_EQ(config.type, "llama");
  EXPECT_EQ(*config.find("rope_theta")->as<double>(), 5e5);
  std::erase_if(config.settings, [](const Setting& setting) { return setting.key == "architectures"; });
  const auto second = empty_llama(checked(config));
  EXPECT_EQ(json_text(second->hf_config()), json_text(first->hf_config()));
}

TEST(LlamaSettings, ConfigJsonHoldsYarnAsItWasWorkedOut) {
  const Table scaling = table_of("", {{"rope_type", to_value(std::string("yarn"))},
                                      {"factor", to_value(16.0)},
                                      {"mscale", to_value(1.5)},
                                      {"mscale_all_dim", to_value(0.5)},
                                      {"truncate", to_value(false)},
                                      {"original_max_position_embeddings", to_value(std::int64_t{16})}});
  const auto first = empty_llama(tiny_table({{"rope_scaling", to_value(scaling)}}));
  Table config = first->hf_config();
  const Table& written = *config.find("rope_scaling")->as<Table>();
  const double log = std::log(16.0);
  EXPECT_DOUBLE_EQ(*written.find("attention_factor")->as<double>(), (0.15 * log + 1) / (0.05 * log + 1));
  EXPECT_EQ(*written.find("beta_fast")->as<double>(), 32);
  EXPECT_EQ(*written.find("truncate")->as<bool>(), false);
  std::erase_if(config.settings, [](const Setting& setting) { return setting.key == "architectures"; });
  const auto second = empty_llama(checked(config));
  EXPECT_EQ(json_text(second->hf_config()), json_text(first->hf_config()));
}

TEST(LlamaSettings, InitialWeightsFollowEasyLMsRecipe) {
  const Table table = tiny_table({{"hidden_size", to_value(std::int64_t{256})},
                                  {"intermediate_size", to_value(std::int64_t{512})},
                                  {"attention_bias", to_value(true)}});
  const auto model = empty_llama(table);
  model->initialise(llama_host());
  for (const Parameter& parameter : parameters_of(*model)) {
    if (parameter.value.dim() == 1) {
      EXPECT_FALSE(parameter.decay) << parameter.name;
      const double wanted = parameter.name.ends_with(".bias") ? 0 : 1;
      EXPECT_EQ(parameter.value.min().item<double>(), wanted) << parameter.name;
      EXPECT_EQ(parameter.value.max().item<double>(), wanted) << parameter.name;
      continue;
    }
    EXPECT_TRUE(parameter.decay);
    const auto inputs = static_cast<double>(parameter.value.size(1));
    const double wanted = parameter.name.find("embed") != std::string::npos ? 0.02 : 0.02 / std::sqrt(inputs);
    EXPECT_NEAR(parameter.value.std().item<double>() / wanted, 1, 0.03) << parameter.name;
  }
}

TEST(LlamaSettings, InitialWeightsDependOnSeedAndNameAlone) {
  const auto weights = [](const Table& table, at::ScalarType type) {
    auto model = empty_llama(table, type);
    model->initialise(llama_host());
    return parameters_of(*model);
  };
  const auto two = weights(tiny_table(), at::kFloat);
  const auto three = weights(tiny_table({{"num_hidden_layers", to_value(std::int64_t{3})}}), at::kFloat);
  const auto rounded = weights(tiny_table(), at::kBFloat16);
  EXPECT_TRUE(aten::equal(two[5].value, three[5].value));
  EXPECT_TRUE(aten::equal(two[5].value.to(at::kBFloat16), rounded[5].value));
  EXPECT_FALSE(aten::equal(two[2].value, two[5].value));
}

TEST(LlamaSettings, EveryParameterHasAPartitionRuleForEachDimension) {
  const auto model = empty_llama(tiny_table({{"attention_bias", to_value(true)}}));
  for (const Parameter& parameter : parameters_of(*model)) {
    EXPECT_EQ(static_cast<std::int64_t>(parameter.rule.axes.size()), parameter.value.dim()) << parameter.name;
  }
}

// Checkpoints are checked against it without LibTorch.
TEST(LlamaSettings, DescribeTheVeryTensorsThatTheModelHas) {
  for (const Table& table : {tiny_table(), tiny_table({{"tie_word_embeddings", to_value(true)}}),
                             tiny_table({{"attention_bias", to_value(true)}, {"mlp_bias", to_value(true)}}),
                             tiny_table({{"head_dim", to_value(std::int64_t{8})},
                                         {"num_key_value_heads", to_value(std::int64_t{1})}})}) {
    std::map<std::string, std::vector<std::int64_t>> has, described;
    for (const Parameter& p : parameters_of(*empty_llama(table))) has[p.name] = p.value.sizes().vec();
    const auto tensors = llama_host().model_tensors(table);
    ASSERT_TRUE(tensors);
    for (const TensorInfo& tensor : *tensors) described[tensor.name] = tensor.shape;
    EXPECT_EQ(described, has);
    EXPECT_EQ(described.size(), tensors->size());
  }
}

TEST(LlamaSettings, SayNothingOfTensorsWhereASizeIsMissingAndRefuseWhatNoModelHas) {
  Table table = tiny_table();
  std::erase_if(table.settings, [](const Setting& setting) { return setting.key == "hidden_size"; });
  EXPECT_FALSE(llama_host().model_tensors(table));
  EXPECT_FALSE(llama_host().model_tensors(Table{"no_such_model"}));
  EXPECT_THROW(
      llama_host().model_tensors(tiny_table({{"num_hidden_layers", to_value(std::int64_t{1} << 40)}})),
      Error);
  EXPECT_THROW(llama_host().model_tensors(tiny_table({{"hidden_size", to_value(std::int64_t{-4})}})), Error);
}

}  // namespace
}  // namespace easylm::testing
