// What the progress line says, and how often.
#include "observe/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

#include "recording_console.h"

namespace easylm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::kPlainStyle;
using testing::kTerminalStyle;
using testing::RecordingConsole;

const Progress::Time kStart = Progress::Time() + seconds(1000);

std::ptrdiff_t count_lines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST(ProgressLine, HasTheFormOfTheContract) {
  ProgressFacts facts;
  facts.done = 120;
  facts.total = 2000;
  facts.loss = 2.3126;
  facts.learning_rate = 3e-4;
  facts.gradient_norm = 0.812;
  facts.tokens_per_second = 41234;
  facts.peak_memory_bytes = 1.9e9;
  facts.left = seconds(3725);
  EXPECT_EQ(format_progress(facts),
            "step 120/2000 | loss 2.31 | ppl 10.1 | lr 3.0e-4 | gnorm 0.81 | 41.2k tok/s | mem 1.9 GB | eta "
            "1h02m");
}

TEST(ProgressLine, LeavesOutWhatIsNotKnown) {
  ProgressFacts facts;
  facts.done = 7;
  EXPECT_EQ(format_progress(facts), "step 7");
}

TEST(Progress, ShowsTheLastMetricsAndTheTimeLeft) {
  RecordingConsole recording(kTerminalStyle);
  Progress progress(recording.console());
  const std::array<Metric, 3> metrics{{{"loss", 1.0}, {"validation_loss", 1.25}, {"unknown", 7}}};
  MetricRecord record;
  record.metrics = metrics;
  progress.update(100, 400, kStart);  // resumed at 100: that work took no time of ours
  progress.metrics(record);
  progress.update(200, 400, kStart + seconds(10));
  EXPECT_NE(recording.text().find("step 200/400 | loss 1.00 | ppl 2.72 | val 1.25 | eta 20s"),
            std::string::npos)
      << recording.text();
}

TEST(Progress, RewritesAtMostTenTimesASecond) {
  RecordingConsole recording(kTerminalStyle);
  Progress progress(recording.console());
  for (int i = 0; i <= 1000; ++i) progress.update(i, 1000, kStart + milliseconds(i));
  EXPECT_EQ(std::count(recording.text().begin(), recording.text().end(), '\r'), 11);
}

TEST(Progress, PrintsFewPlainLinesAndAlwaysTheFirstAndTheLast) {
  RecordingConsole recording(kPlainStyle);
  Progress progress(recording.console());
  for (int i = 1; i <= 25; ++i) progress.update(i, 25, kStart + seconds(i));
  progress.finish();
  EXPECT_EQ(count_lines(recording.text()), 4) << recording.text();
  EXPECT_TRUE(recording.text().starts_with("step 1/25\n")) << recording.text();
  EXPECT_NE(recording.text().find("step 25/25"), std::string::npos) << recording.text();
  progress.finish();
  EXPECT_EQ(count_lines(recording.text()), 4) << "a second finish printed something";
}

TEST(Progress, TakesNumbersAndLinesFromSeveralThreads) {
  RecordingConsole recording(kTerminalStyle);
  Progress progress(recording.console());
  {
    const std::jthread steps([&] {
      for (int i = 0; i <= 500; ++i) progress.update(i, 500, kStart + seconds(i));
    });
    const std::jthread numbers([&] {
      const std::array<Metric, 1> metrics{{{"loss", 1.0}}};
      MetricRecord record;
      record.metrics = metrics;
      for (int i = 0; i < 500; ++i) progress.metrics(record);
    });
    const std::jthread lines([&] {
      for (int i = 0; i < 500; ++i) recording.console().print("a line");
    });
  }
  progress.finish();
  EXPECT_EQ(count_lines(recording.text()), 501);
  EXPECT_NE(recording.text().find("step 500/500 | loss 1.00"), std::string::npos);
}

TEST(Progress, ForgetsTheNumbersOfTheStageBefore) {
  RecordingConsole recording(kPlainStyle);
  Progress progress(recording.console());
  const std::array<Metric, 1> metrics{{{"loss", 1.0}}};
  MetricRecord record;
  record.metrics = metrics;
  progress.metrics(record);
  progress.update(1, 1, kStart);
  progress.finish();
  progress.update(1, 2, kStart + seconds(1));
  EXPECT_TRUE(recording.text().ends_with("step 1/2\n")) << recording.text();
}

}  // namespace
}  // namespace easylm
