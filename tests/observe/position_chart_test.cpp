// Loss by position as a picture in the run's folder.
#include "observe/position_chart.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace easylm {
namespace {

namespace fs = std::filesystem;

class PositionCharts : public ::testing::Test {
 protected:
  PositionCharts() {
    std::string pattern = (fs::temp_directory_path() / "easylm-chart-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    chart_.open({"tiny", folder_, ""});
  }
  ~PositionCharts() override { fs::remove_all(folder_); }

  void log(std::string_view stage, std::int64_t step, std::vector<Metric> metrics) {
    chart_.log({stage, step, 0, 0, metrics});
  }
  std::string picture() const {
    std::ifstream stream(folder_ / "loss_by_position.svg");
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  fs::path folder_;
  PositionChart chart_;
};

TEST_F(PositionCharts, LeaveNothingWhereNoLossIsByPosition) {
  log("train", 1, {{"loss", 3}, {"validation_loss", 2}});
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(PositionCharts, DrawTheFirstAndTheNewestOfEachStage) {
  for (const std::int64_t step : {10, 20, 30}) {
    log("train", step,
        {{"validation_loss_from_0", 5}, {"validation_loss_from_1", 4}, {"validation_loss_from_2", 3}});
  }
  log("evaluate", 30, {{"loss", 1}, {"validation_loss_from_0", 2}});
  const std::string svg = picture();
  for (const char* part : {">train, step 10<", ">train, step 30<", ">evaluate, step 30<"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find("step 20"), std::string::npos);
  EXPECT_NE(svg.find(">4<"), std::string::npos) << "the range from 2 ends at a context of 4 tokens";
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace easylm
