// The fan-out to trackers, and that a failing one is dropped alone.
#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <thread>
#include <vector>

#include "recording_console.h"

namespace easylm {
namespace {

using testing::kPlainStyle;
using testing::RecordingConsole;

enum class Fails { never, on_open, on_log, on_close, with_a_foreign_type };

class FakeTracker final : public Tracker {
 public:
  explicit FakeTracker(Fails fails) : fails_(fails) {}
  void open(const TrackerOptions& options) override {
    if (fails_ == Fails::on_open) throw Error(ErrorCode::io, "no place", "make some");
    run_name = options.run_name;
  }
  void log(const MetricRecord& record) override {
    ++num_logged;
    last_step = record.step;
    if (fails_ == Fails::on_log) throw std::runtime_error("disk full");
    if (fails_ == Fails::with_a_foreign_type) throw 7;
  }
  void close() override {
    ++num_closed;
    if (fails_ == Fails::on_close) throw std::runtime_error("late");
  }

  std::string run_name;
  int num_logged = 0;
  int num_closed = 0;
  std::int64_t last_step = -1;

 private:
  Fails fails_;
};

class MetricsTest : public ::testing::Test {
 protected:
  std::shared_ptr<FakeTracker> add(std::string name, Fails fails) {
    auto tracker = std::make_shared<FakeTracker>(fails);
    metrics_.add(std::move(name), tracker, {"a run", "", ""});
    return tracker;
  }
  void log(std::int64_t step) {
    MetricRecord record;
    record.step = step;
    metrics_.log(record);
  }

  RecordingConsole recording_{kPlainStyle};
  Log log_{recording_.console(), LogLevel::info};
  Metrics metrics_{log_};
};

TEST_F(MetricsTest, SendsEveryRecordToEveryTracker) {
  const auto a = add("a", Fails::never);
  const auto b = add("b", Fails::never);
  log(1);
  log(2);
  EXPECT_EQ(a->run_name, "a run");
  EXPECT_EQ(a->num_logged, 2);
  EXPECT_EQ(b->last_step, 2);
}

TEST_F(MetricsTest, DropsAFailingTrackerAndSaysSoOnce) {
  const auto bad = add("bad", Fails::on_log);
  const auto good = add("good", Fails::never);
  log(1);
  log(2);
  metrics_.close();
  EXPECT_EQ(bad->num_logged, 1);
  EXPECT_EQ(bad->num_closed, 0);
  EXPECT_EQ(good->num_logged, 2);
  EXPECT_EQ(recording_.text(),
            "[metrics] warning: a tracker failed and gets no more metrics: disk full tracker=bad\n");
}

TEST_F(MetricsTest, SurvivesATrackerThatCannotBeOpenedOrClosed) {
  const auto closed = add("closed", Fails::never);
  const auto opened = add("opened", Fails::on_open);
  const auto late = add("late", Fails::on_close);
  log(1);
  metrics_.close();
  EXPECT_EQ(opened->num_logged, 0);
  EXPECT_EQ(closed->num_closed, 1);
  EXPECT_EQ(late->num_closed, 1);
  EXPECT_NE(recording_.text().find("no place; make some tracker=opened"), std::string::npos);
  EXPECT_NE(recording_.text().find("late tracker=late"), std::string::npos);
}

TEST_F(MetricsTest, SurvivesAForeignException) {
  const auto tracker = add("foreign", Fails::with_a_foreign_type);
  log(1);
  log(2);
  EXPECT_EQ(tracker->num_logged, 1);
}

TEST_F(MetricsTest, CallsATrackerFromOneThreadAtATime) {
  const auto tracker = add("a", Fails::never);
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int step = 0; step < 500; ++step) log(step);
    });
  }
  threads.clear();
  EXPECT_EQ(tracker->num_logged, 2000);
}

TEST_F(MetricsTest, SendsNothingAfterClose) {
  const auto tracker = add("a", Fails::never);
  metrics_.close();
  log(1);
  metrics_.close();
  EXPECT_EQ(tracker->num_logged, 0);
  EXPECT_EQ(tracker->num_closed, 1);
}

}  // namespace
}  // namespace easylm
