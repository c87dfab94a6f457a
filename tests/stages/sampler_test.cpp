// The sampler against transformers' logits processors, and its draws.
#include "easylm/tensor/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "support/vectors.h"

namespace easylm {
namespace {

using testing::list_in;
using testing::number;

double setting(const Table& settings, const std::string& key, double otherwise) {
  const Value* value = settings.find(key);
  return value == nullptr ? otherwise : number(*value);
}

SamplingOptions options_of(const Table& settings) {
  return {.temperature = setting(settings, "temperature", 1),
          .top_k = static_cast<std::int64_t>(setting(settings, "top_k", 0)),
          .top_p = setting(settings, "top_p", 1),
          .min_p = setting(settings, "min_p", 0),
          .repetition_penalty = setting(settings, "repetition_penalty", 1)};
}

RandomStream stream() { return {1, "test", 0}; }

at::Tensor logits_of(const std::vector<float>& values) {
  at::Tensor logits = aten::zeros({static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) logits[static_cast<std::int64_t>(i)] = values[i];
  return logits;
}

TEST(Sampler, EqualsTransformersForEverySettingAndTheirOrder) {
  const Table vectors = testing::read_vectors("sampler_hf.json");
  for (const Value& value : list_in(vectors, "cases")) {
    const Table& recorded = *value.as<Table>();
    const List& expected = list_in(recorded, "probabilities");
    std::vector<TokenId> seen;
    for (const Value& id : list_in(recorded, "seen")) seen.push_back(static_cast<TokenId>(number(id)));
    const at::Tensor logits =
        testing::tensor_of(list_in(recorded, "logits"), {static_cast<std::int64_t>(expected.size())});
    const Sampler sampler(options_of(testing::table_in(recorded, "settings")), stream());
    std::vector<double> probabilities(expected.size());
    for (const Candidate& candidate : sampler.distribution(logits, seen)) {
      probabilities[static_cast<std::size_t>(candidate.id)] = candidate.probability;
    }
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_NEAR(probabilities[i], number(expected[i]), 1e-6);
  }
}

TEST(Sampler, TakesTheMostProbableTokenAtTemperatureZero) {
  Sampler sampler({.temperature = 0}, stream());
  EXPECT_EQ(sampler.next(logits_of({0, 3, 1}), {}).id, 1);
}

TEST(Sampler, PenalisesAlsoAtTemperatureZero) {
  Sampler sampler({.temperature = 0, .repetition_penalty = 10}, stream());
  const std::vector<TokenId> seen = {1, 1};
  EXPECT_EQ(sampler.next(logits_of({0, 3, 1}), seen).id, 2);
}

TEST(Sampler, DrawsEachTokenAsOftenAsItsProbabilitySays) {
  Sampler sampler({}, stream());
  const at::Tensor logits = logits_of({0, std::log(2.0F), std::log(5.0F)});
  std::vector<int> counts(3);
  constexpr int kDraws = 8000;
  for (int i = 0; i < kDraws; ++i) ++counts[static_cast<std::size_t>(sampler.next(logits, {}).id)];
  EXPECT_NEAR(counts[0], kDraws / 8.0, 150);
  EXPECT_NEAR(counts[1], kDraws / 4.0, 200);
}

TEST(Sampler, RepeatsItselfWithTheSameStream) {
  const at::Tensor logits = aten::zeros({1000});
  Sampler a({}, stream()), b({}, stream());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(a.next(logits, {}).id, b.next(logits, {}).id);
}

TEST(Sampler, ReportsTheModelsOwnLogProbability) {
  Sampler sampler({.temperature = 0.5, .top_k = 1}, stream());
  const SampledToken token = sampler.next(logits_of({0, std::log(3.0F)}), {});
  EXPECT_EQ(token.id, 1);
  EXPECT_NEAR(token.log_probability, std::log(0.75), 1e-6);
}

TEST(Sampler, RefusesLogitsThatAreNoNumbers) {
  Sampler sampler({}, stream());
  EXPECT_THROW(sampler.next(logits_of({0, std::numeric_limits<float>::quiet_NaN()}), {}), Error);
  EXPECT_THROW(sampler.next(aten::full({3}, -std::numeric_limits<float>::infinity()), {}), Error);
}

TEST(Sampler, NeverDrawsATokenOfProbabilityZero) {
  Sampler sampler({}, stream());
  const at::Tensor logits = logits_of({-std::numeric_limits<float>::infinity(), 0});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(sampler.next(logits, {}).id, 1);
}

}  // namespace
}  // namespace easylm
