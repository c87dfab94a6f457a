// Own time and what is worked out from it.
#include "swap/own_time.h"

#include <gtest/gtest.h>

#include <cmath>

#include "easylm/error.h"

namespace easylm {
namespace {

const std::vector<Slice> kSlices{{100, 105}, {110, 115}, {130, 132}};

TEST(OwnTime, StandsStillWhileTheProcessIsPaused) {
  EXPECT_EQ(own_seconds(kSlices, 99), 0);
  EXPECT_EQ(own_seconds(kSlices, 103), 3);
  EXPECT_EQ(own_seconds(kSlices, 105), 5);
  EXPECT_EQ(own_seconds(kSlices, 109), 5);
  EXPECT_EQ(own_seconds(kSlices, 112), 7);
  EXPECT_EQ(own_seconds(kSlices, 131), 11);
  EXPECT_EQ(own_seconds(kSlices, 999), 12);
}

constexpr std::string_view kMetrics =
    R"({"step":1,"tokens":10,"loss":5.5,"time":103.000,"stage":"train"}
{"step":2,"tokens":20,"loss":4,"time":104.000,"stage":"train"}
{"step":2,"tokens":20,"validation_loss":4.25,"time":104.500,"stage":"train"}
{"step":3,"tokens":30,"loss":null,"time":111.000,"stage":"train"}
{"step":4,"tokens":40,"loss":3.5,"time":112.000,"stage":"train"}
{"step":4,"tokens":40,"validation_loss":3.75,"time":112.500,"stage":"train"}
{"step":4,"tokens":40,"loss":1.0,"time":131.000,"stage":"evaluate"}
)";

TEST(OwnCurve, HasTheStagesLossesInOwnTimeAndTheStartApart) {
  const OwnCurve curve = own_curve(kMetrics, "train", kSlices);
  EXPECT_EQ(curve.startup_seconds, 3);
  EXPECT_EQ(curve.validation_loss, 3.75);
  ASSERT_EQ(curve.steps.size(), 3U);  // a loss that is no number is no point
  EXPECT_EQ(curve.steps[0].seconds, 0);
  EXPECT_EQ(curve.steps[1].seconds, 1);
  EXPECT_EQ(curve.steps[2].seconds, 4);
  EXPECT_EQ(curve.steps[2].step, 4);
  EXPECT_EQ(curve.steps[2].tokens, 40);
  EXPECT_EQ(curve.steps[2].loss, 3.5);
}

TEST(OwnCurve, OfNothingIsEmptyAndOfNonsenseAnError) {
  EXPECT_TRUE(own_curve("", "train", kSlices).steps.empty());
  EXPECT_THROW(own_curve("{\"step\":1", "train", kSlices), Error);
}

TEST(SettledLoss, IsTheMeanOfTheLastTenthThatWasReached) {
  std::vector<LoggedStep> steps;
  for (int i = 0; i < 40; ++i) steps.push_back({i, 0, i * 1.0, 100.0 - i});
  EXPECT_EQ(settled_loss(steps, 1e9), (61 + 62 + 63 + 64) / 4.0);
  EXPECT_EQ(settled_loss(steps, 19), (81 + 82) / 2.0);
  EXPECT_EQ(settled_loss(steps, 3.5), 97);
  EXPECT_TRUE(std::isnan(settled_loss(steps, -1)));
}

TEST(TokensPerSecond, IsTheMedianSoThatOneSlowStepDoesNotCount) {
  const std::vector<LoggedStep> steps{{1, 0, 0, 5}, {2, 100, 1, 5}, {3, 200, 2, 5}, {4, 300, 12, 5}};
  EXPECT_EQ(tokens_per_second(steps), 100);
}

TEST(TokensPerSecond, JoinsStepsThatAreShorterThanTheClockSays) {
  std::vector<LoggedStep> steps;
  for (int i = 0; i <= 300; ++i) steps.push_back({i, i * 10, std::floor(i * 1.7) / 1000, 5});
  EXPECT_NEAR(tokens_per_second(steps), 10 / 0.0017, 10 / 0.0017 * 0.03);
}

TEST(TokensPerSecond, IsNothingWhereThereIsTooLittle) {
  EXPECT_TRUE(std::isnan(tokens_per_second({})));
  EXPECT_TRUE(std::isnan(tokens_per_second(std::vector<LoggedStep>{{1, 10, 0, 5}, {2, 20, 0.001, 5}})));
}

}  // namespace
}  // namespace easylm
