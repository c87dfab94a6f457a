// The optimizers against torch.optim.AdamW, against optax, and against themselves in other shapes and dtypes.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/tensor/adafactor.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/optimizer.h"
#include "support/plugin_host.h"
#include "support/vectors.h"

namespace easylm {
namespace {

using testing::list_in;
using testing::number;
using testing::PluginHost;
using testing::table_in;
using testing::tensor_of;

PluginHost& host() {
  static PluginHost shared;
  return shared;
}

std::shared_ptr<Optimizer> make(const std::string& type, const Table& settings) {
  Table table = settings;
  table.type = type;
  return host().make<Optimizer>(table);
}

// Writes given values into the state.
class Restore : public StateVisitor {
 public:
  std::map<std::string, at::Tensor> values;
  void tensor(std::string_view parameter, std::string_view role, at::Tensor& value) override {
    const auto found = values.find(std::string(parameter) + "." + std::string(role));
    if (found != values.end()) value.copy_(found->second);
  }
};

class Collect : public StateVisitor {
 public:
  std::vector<std::string> names;
  std::vector<at::Tensor> values;
  void tensor(std::string_view parameter, std::string_view role, at::Tensor& value) override {
    names.push_back(std::string(parameter) + "." + std::string(role));
    values.push_back(value);
  }
};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

struct Replay {
  std::vector<Parameter> parameters;
  std::vector<at::Tensor> expected;
  std::vector<std::vector<at::Tensor>> gradients;  // [step][parameter]
  Restore state;
};

Replay read_replay(const Table& parameters) {
  Replay replay;
  for (const Setting& setting : parameters.settings) {
    const Table& entry = *setting.value.as<Table>();
    const auto shape = testing::whole_numbers(list_in(entry, "shape"));
    replay.parameters.push_back(
        {setting.key, tensor_of(list_in(entry, "value"), shape), {}, setting.key != "norm"});
    replay.expected.push_back(tensor_of(list_in(table_in(entry, "expected"), "value"), shape));
    for (const char* role : {"exp_avg", "exp_avg_sq"}) {
      if (entry.find(role) != nullptr) {
        replay.state.values[setting.key + "." + role] = tensor_of(list_in(entry, role), shape);
      }
    }
    const List& gradients = list_in(entry, "gradients");
    replay.gradients.resize(gradients.size());
    for (std::size_t step = 0; step < gradients.size(); ++step) {
      replay.gradients[step].push_back(tensor_of(*gradients[step].as<List>(), shape));
    }
  }
  return replay;
}

// Runs one recorded case; the largest difference from what the oracle ended with.
double replay_case(const std::string& type, const Table& recorded, double gradient_scale) {
  Replay replay = read_replay(table_in(recorded, "parameters"));
  const auto optimizer = make(type, table_in(recorded, "settings"));
  optimizer->attach(replay.parameters);
  optimizer->state(replay.state);
  const auto first_step = *testing::member(recorded, "first_step").as<std::int64_t>();
  const List& rates = list_in(recorded, "learning_rates");
  for (std::size_t step = 0; step < rates.size(); ++step) {
    for (at::Tensor& gradient : replay.gradients[step]) gradient.div_(gradient_scale);
    optimizer->step({first_step + static_cast<std::int64_t>(step), number(rates[step]), gradient_scale,
                     replay.gradients[step]});
  }
  double worst = 0;
  for (std::size_t i = 0; i < replay.parameters.size(); ++i) {
    worst = std::max(worst, largest_difference(replay.parameters[i].value, replay.expected[i]));
  }
  return worst;
}

// optax also rounds b1 · m to bf16 before it adds to it; ours rounds once, when the moment is stored.
double tolerance_of(const Table& recorded) {
  const Value* bf16 = table_in(recorded, "settings").find("bf16_momentum");
  return bf16 != nullptr && *bf16->as<bool>() ? 5e-4 : 1e-5;
}

void expect_agreement(const std::string& file) {
  const Table vectors = testing::read_vectors(file);
  const std::string type = *testing::member(vectors, "optimizer").as<std::string>();
  for (const Value& recorded : list_in(vectors, "cases")) {
    const Table& table = *recorded.as<Table>();
    EXPECT_LT(replay_case(type, table, 1), tolerance_of(table));
    EXPECT_LT(replay_case(type, table, 0.25), tolerance_of(table));
  }
}

TEST(AdamW, EqualsTorchAfterTenStepsFromAGivenState) { expect_agreement("adamw_torch.json"); }
TEST(AdamW, EqualsOptaxInEveryVariantThatEasyLMOffers) { expect_agreement("adamw_optax.json"); }
TEST(Palm, EqualsOptax) { expect_agreement("palm_optax.json"); }

struct Trial {
  at::Tensor parameter = aten::ones({3, 5000});
  at::Tensor gradient = aten::empty({3, 5000}).normal_();
};

// The parameter after three updates.
at::Tensor train(const std::string& type, const Table& settings, const Trial& trial,
                 at::ScalarType gradient_type) {
  const auto optimizer = make(type, settings);
  const std::vector<Parameter> parameters = {{"w", trial.parameter.clone(), {}, true}};
  optimizer->attach(parameters);
  const std::vector<at::Tensor> gradients = {trial.gradient.to(gradient_type)};
  for (std::int64_t step = 0; step < 3; ++step) optimizer->step({step, 1e-2, 1, gradients});
  return parameters[0].value;
}

class EveryOptimizer : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryOptimizer, ReadsGradientsInBf16) {
  Trial trial;
  trial.gradient = trial.gradient.to(at::kBFloat16).to(at::kFloat);  // so that both see the same numbers
  const at::Tensor wide = train(GetParam(), {}, trial, at::kFloat);
  EXPECT_TRUE(aten::equal(wide, train(GetParam(), {}, trial, at::kBFloat16)));
}

TEST_P(EveryOptimizer, TakesTransposedGradients) {
  Trial trial;
  Trial transposed = trial;
  transposed.gradient = trial.gradient.t().contiguous().t();
  EXPECT_TRUE(
      aten::equal(train(GetParam(), {}, trial, at::kFloat), train(GetParam(), {}, transposed, at::kFloat)));
}

TEST_P(EveryOptimizer, LeavesNormsAndBiasesUndecayed) {
  Table settings;
  settings.set("weight_decay", {0.5, {}});
  const auto optimizer = make(GetParam(), settings);
  const std::vector<Parameter> parameters = {{"w", aten::ones({4}), {}, true},
                                             {"b", aten::ones({4}), {}, false}};
  optimizer->attach(parameters);
  const std::vector<at::Tensor> gradients = {aten::zeros({4}), aten::zeros({4})};
  optimizer->step({0, 1e-2, 1, gradients});
  EXPECT_LT(parameters[0].value[0].item<double>(), 1);
  EXPECT_EQ(parameters[1].value[0].item<double>(), 1);
}

TEST_P(EveryOptimizer, ShowsTwoMomentsAParameterInAStableOrder) {
  const auto optimizer = make(GetParam(), {});
  const std::vector<Parameter> parameters = {{"b", aten::ones({4}), {}, true},
                                             {"a", aten::ones({2}), {}, true}};
  optimizer->attach(parameters);
  Collect seen;
  optimizer->state(seen);
  EXPECT_EQ(seen.names, (std::vector<std::string>{"b.exp_avg", "b.exp_avg_sq", "a.exp_avg", "a.exp_avg_sq"}));
}

TEST_P(EveryOptimizer, KeepsTheFirstMomentInBf16WhenAsked) {
  Table settings;
  settings.set("bf16_momentum", {true, {}});
  const auto optimizer = make(GetParam(), settings);
  const std::vector<Parameter> parameters = {{"w", aten::ones({4}), {}, true}};
  optimizer->attach(parameters);
  Collect seen;
  optimizer->state(seen);
  EXPECT_EQ(seen.values[0].scalar_type(), at::kBFloat16);
  EXPECT_EQ(seen.values[1].scalar_type(), at::kFloat);
}

TEST_P(EveryOptimizer, RefusesAnotherNumberOfGradients) {
  const auto optimizer = make(GetParam(), {});
  const std::vector<Parameter> parameters = {{"w", aten::ones({4}), {}, true}};
  optimizer->attach(parameters);
  EXPECT_THROW(optimizer->step({0, 1e-2, 1, {}}), Error);
}

TEST_P(EveryOptimizer, StartsWithEasyLMsSchedule) {
  const auto optimizer = make(GetParam(), {});
  EXPECT_NEAR(optimizer->schedule().at(10000), 0.01, std::string(GetParam()) == "palm" ? 1e-12 : 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Optimizers, EveryOptimizer, ::testing::Values("adamw", "palm"),
                         [](const auto& chosen) { return std::string(chosen.param); });

// The largest difference, in parameter and state, between three updates and the formula for each element.
double distance_from_formula(const Table& settings, bool decay) {
  const auto optimizer = make("adamw", settings);
  const auto* formula = extension_of<OptimizerFormula>(*optimizer);
  if (formula == nullptr) return std::numeric_limits<double>::infinity();
  const std::vector<Parameter> parameters = {{"w", aten::empty({20}).normal_(), {}, decay}};
  optimizer->attach(parameters);
  Collect state;
  optimizer->state(state);
  std::vector<double> elements(20);
  std::vector<std::array<double, 2>> moments(20);
  for (int i = 0; i < 20; ++i) elements[i] = parameters[0].value[i].item<double>();
  double worst = 0;
  for (std::int64_t step = 0; step < 3; ++step) {
    const std::vector<at::Tensor> gradients = {aten::empty({20}).normal_()};
    optimizer->step({step, 0.1, 0.5, gradients});
    for (int i = 0; i < 20; ++i) {
      const ElementUpdate update = {gradients[0][i].item<double>() * 0.5, 0.1, step, decay};
      elements[i] = formula->update(elements[i], update, moments[i]);
      worst = std::max(worst, std::abs(elements[i] - parameters[0].value[i].item<double>()));
      for (int role = 0; role < 2; ++role) {
        worst = std::max(worst, std::abs(moments[i][role] - state.values[role][i].item<double>()));
      }
    }
  }
  return worst;
}

TEST(AdamW, StepsAsItsFormulaSays) {
  Table settings;
  settings.set("b1", {0.8, {}});
  settings.set("b2", {0.7, {}});
  settings.set("eps", {0.01, {}});
  settings.set("weight_decay", {0.5, {}});
  EXPECT_LT(distance_from_formula(settings, true), 1e-6);
  EXPECT_LT(distance_from_formula(settings, false), 1e-6);
}

TEST(AdamW, HasAFormulaUnlessAnElementsUpdateDependsOnOthers) {
  EXPECT_NE(extension_of<OptimizerFormula>(*make("adamw", {})), nullptr);
  Table scaled;
  scaled.set("multiply_by_parameter_scale", {true, {}});
  EXPECT_EQ(extension_of<OptimizerFormula>(*make("adamw", scaled)), nullptr);
  EXPECT_EQ(extension_of<OptimizerFormula>(*make("palm", {})), nullptr);
}

}  // namespace
}  // namespace easylm
