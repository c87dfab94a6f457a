// A run's folder for trackers to write into.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "easylm/tracker.h"
#include "support/fake_host.h"

namespace easylm::trackers {

class TrackerTest : public ::testing::Test {
 protected:
  TrackerTest()
      : folder_(std::filesystem::path(::testing::TempDir()) /
                ("easylm_tracker_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~TrackerTest() override { std::filesystem::remove_all(folder_); }

  TrackerOptions options() const { return {"a run", folder_, ""}; }

  static MetricRecord record(const std::vector<Metric>& metrics, std::string_view stage = "train") {
    return {stage, 300, 1228800, 1764000001.5, metrics};
  }

  static std::string contents(const std::filesystem::path& file) {
    std::ostringstream out;
    out << std::ifstream(file, std::ios::binary).rdbuf();
    return out.str();
  }

  std::filesystem::path folder_;
  testing::FakeHost host_;
};

}  // namespace easylm::trackers
