// The learning rates of the bundled schedules against numbers worked out by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "constant/constant.h"
#include "inverse_sqrt/inverse_sqrt.h"
#include "support/fake_host.h"
#include "warmup_cosine/warmup_cosine.h"
#include "wsd/wsd.h"

namespace easylm::schedules {
namespace {

constexpr double kExact = 1e-15;

template <typename S>
Schema<typename S::Config> schema_of() {
  Schema<typename S::Config> schema;
  S::Config::describe(schema);
  return schema;
}

TEST(Constant, IsTheSameAtEveryStep) {
  testing::FakeHost host;
  const Constant schedule(host, {.value = 3e-4});
  EXPECT_EQ(schedule.at(0), 3e-4);
  EXPECT_EQ(schedule.at(1'000'000), 3e-4);
}

TEST(Constant, IgnoresThePlan) {
  testing::FakeHost host;
  Constant schedule(host, {.value = 3e-4});
  schedule.plan(10);
  EXPECT_EQ(schedule.at(11), 3e-4);
}

TEST(WarmupCosine, RisesFromInitialToPeakInAStraightLine) {
  testing::FakeHost host;
  const WarmupCosine schedule(
      host, {.initial = 2e-4, .peak = 1e-3, .end = 1e-4, .warmup_steps = 40, .total_steps = 400});
  EXPECT_NEAR(schedule.at(0), 2e-4, kExact);
  EXPECT_NEAR(schedule.at(10), 4e-4, kExact);
  EXPECT_NEAR(schedule.at(40), 1e-3, kExact);
}

TEST(WarmupCosine, FallsAlongHalfACosineAndStaysAtTheEnd) {
  testing::FakeHost host;
  const WarmupCosine schedule(host, {.peak = 1e-3, .end = 1e-4, .warmup_steps = 40, .total_steps = 400});
  EXPECT_NEAR(schedule.at(130), 1e-4 + 9e-4 * 0.85355339059327376, kExact);  // (1 + cos(pi / 4)) / 2
  EXPECT_NEAR(schedule.at(220), 5.5e-4, kExact);
  EXPECT_NEAR(schedule.at(400), 1e-4, kExact);
  EXPECT_NEAR(schedule.at(5000), 1e-4, kExact);
}

TEST(WarmupCosine, TakesItsEndFromTheRunUnlessConfigured) {
  testing::FakeHost host;
  WarmupCosine planned(host, {.peak = 1.0, .warmup_steps = 0});
  planned.plan(100);
  EXPECT_NEAR(planned.at(50), 0.5, kExact);
  WarmupCosine configured(host, {.peak = 1.0, .warmup_steps = 0, .total_steps = 200});
  configured.plan(100);
  EXPECT_NEAR(configured.at(100), 0.5, kExact);
}

TEST(WarmupCosine, RefusesARunThatEndsWithinTheWarmup) {
  testing::FakeHost host;
  WarmupCosine schedule(host, {.peak = 1.0, .warmup_steps = 40});
  try {
    schedule.plan(40);
    FAIL() << "a run of 40 steps was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_config);
    EXPECT_NE(error.message().find("warmup_steps = 40"), std::string::npos) << error.message();
    EXPECT_FALSE(error.hint().empty());
  }
}

TEST(WarmupCosine, ReportsAMissingPlanAsOurMistake) {
  testing::FakeHost host;
  const WarmupCosine schedule(host, {.peak = 1.0});
  EXPECT_THROW(schedule.at(0), Error);
}

// EasyLM's palm: (lr / 0.01) / sqrt(max(step, warmup)) with its defaults, lr = 0.01 and warmup = 10000.
TEST(InverseSqrt, IsPalmsScheduleWithPalmsDefaults) {
  testing::FakeHost host;
  const InverseSqrt schedule(host, {.peak = 0.01, .warmup_steps = 10000});
  EXPECT_NEAR(schedule.at(0), 0.01, kExact);
  EXPECT_NEAR(schedule.at(10000), 0.01, kExact);
  EXPECT_NEAR(schedule.at(40000), 0.005, kExact);
  EXPECT_NEAR(schedule.at(1'000'000), 0.001, kExact);
}

TEST(InverseSqrt, RisesInAStraightLineIfAnInitialRateIsGiven) {
  testing::FakeHost host;
  const InverseSqrt schedule(host, {.peak = 0.01, .warmup_steps = 100, .initial = 0.0});
  EXPECT_NEAR(schedule.at(0), 0, kExact);
  EXPECT_NEAR(schedule.at(25), 0.0025, kExact);
  EXPECT_NEAR(schedule.at(100), 0.01, kExact);
  EXPECT_NEAR(schedule.at(400), 0.005, kExact);
}

TEST(WarmupStableDecay, HasAPlateauBetweenRiseAndFall) {
  testing::FakeHost host;
  const WarmupStableDecay schedule(host, {.peak = 1e-3,
                                          .end = 1e-4,
                                          .warmup_steps = 10,
                                          .decay_steps = 20,
                                          .decay = "linear",
                                          .total_steps = 100});
  EXPECT_NEAR(schedule.at(5), 5e-4, kExact);
  EXPECT_NEAR(schedule.at(10), 1e-3, kExact);
  EXPECT_NEAR(schedule.at(80), 1e-3, kExact);
  EXPECT_NEAR(schedule.at(90), 5.5e-4, kExact);
  EXPECT_NEAR(schedule.at(100), 1e-4, kExact);
  EXPECT_NEAR(schedule.at(101), 1e-4, kExact);
}

TEST(WarmupStableDecay, FallsByOneMinusTheSquareRootByDefault) {
  testing::FakeHost host;
  WarmupStableDecay schedule(host, {.peak = 1.0, .decay_steps = 100});
  schedule.plan(1000);
  EXPECT_NEAR(schedule.at(901), 0.9, kExact);
  EXPECT_NEAR(schedule.at(925), 0.5, kExact);
  EXPECT_NEAR(schedule.at(1000), 0, kExact);
}

TEST(WarmupStableDecay, RefusesARunThatIsTooShort) {
  testing::FakeHost host;
  WarmupStableDecay schedule(host, {.peak = 1.0, .warmup_steps = 60, .decay_steps = 50});
  EXPECT_THROW(schedule.plan(100), Error);
  EXPECT_NO_THROW(schedule.plan(110));
}

TEST(Schedules, StateTheConstraintsThatTheHostChecks) {
  EXPECT_EQ(schema_of<WarmupCosine>().constraints().at(0).expression, "warmup_steps < total_steps");
  EXPECT_EQ(schema_of<WarmupStableDecay>().constraints().at(0).expression,
            "warmup_steps + decay_steps <= total_steps");
}

}  // namespace
}  // namespace easylm::schedules
