// Charts of versions: clear refusals.
#include "registry/plot.h"

#include <gtest/gtest.h>

#include "easylm/error.h"

namespace easylm {
namespace {

TEST(Plot, SaysWhichMetricsThereAre) {
  const std::vector<VersionCurves> versions = {{"a:1", {{"loss", {{1, 10, 5.0}}}}}};
  EXPECT_EQ(chart_of(versions, "loss").series.front().points.size(), 1U);
  try {
    chart_of(versions, "los");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "a:1 has no curve of 'los'");
    EXPECT_EQ(error.hint(), "did you mean 'loss'?");
  }
}

}  // namespace
}  // namespace easylm
