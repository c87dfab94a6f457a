// The form of log lines, and where they go.
#include "observe/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <regex>
#include <sstream>
#include <thread>

#include "recording_console.h"

namespace easylm {
namespace {

using testing::kPlainStyle;
using testing::kTerminalStyle;
using testing::RecordingConsole;

class LogFileTest : public ::testing::Test {
 protected:
  LogFileTest() : folder_(::testing::TempDir() + "easylm_log_" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~LogFileTest() override { std::filesystem::remove_all(folder_); }
  std::string contents() const {
    std::ostringstream out;
    out << std::ifstream(file()).rdbuf();
    return out.str();
  }
  std::filesystem::path file() const { return folder_ / "log.txt"; }

 private:
  std::filesystem::path folder_;
};

TEST(LogLine, IsWordMessageAndPairs) {
  const std::array<LogPair, 3> pairs{{{"step", std::int64_t{100}}, {"loss", 2.5}, {"name", "shakespeare"}}};
  EXPECT_EQ(format_log_line(LogLevel::info, "checkpoint", "saved", pairs),
            "[checkpoint] saved step=100 loss=2.5 name=shakespeare");
}

TEST(LogLine, NamesWarningsAndErrors) {
  EXPECT_EQ(format_log_line(LogLevel::warning, "step", "skipped", {}), "[step] warning: skipped");
  EXPECT_EQ(format_log_line(LogLevel::error, "step", "stopped", {}), "[step] error: stopped");
}

TEST(LogLine, QuotesValuesThatCouldBeMisread) {
  const std::array<LogPair, 4> pairs{{{"a", ""}, {"b", "x y"}, {"c", "k=\"v\""}, {"d", "1\n2"}}};
  EXPECT_EQ(format_log_line(LogLevel::info, "w", "m", pairs), R"([w] m a="" b="x y" c="k=\"v\"" d="1\n2")");
}

TEST(LogLine, LetsNoControlCharacterThrough) {
  const std::array<LogPair, 1> pairs{{{"k\x1b", "\x1b[2J"}}};
  EXPECT_EQ(format_log_line(LogLevel::info, "w", "one\ntwo\x1b[2J", pairs),
            "[w] one\n  two\\x1b[2J k\\x1b=\"\\x1b[2J\"");
}

TEST(Log, ShowsTheHintBelowAnError) {
  RecordingConsole recording(kPlainStyle);
  Log log(recording.console(), LogLevel::info);
  log.write("config", Error(ErrorCode::not_found, "there is no file x.toml", "check the name"));
  log.write("config", Error(ErrorCode::not_found, "no hint", ""));
  EXPECT_EQ(recording.text(),
            "[config] error: there is no file x.toml\n  hint: check the name\n[config] error: no hint\n");
}

TEST(Log, HidesWhatIsBelowItsLevel) {
  RecordingConsole recording(kPlainStyle);
  Log log(recording.console(), LogLevel::warning);
  log.write(LogLevel::info, "w", "hidden");
  log.write(LogLevel::warning, "w", "shown");
  EXPECT_EQ(recording.text(), "[w] warning: shown\n");
}

TEST(Log, ColoursErrorsOnlyWhereColourIsWanted) {
  RecordingConsole coloured(kTerminalStyle);
  Log(coloured.console(), LogLevel::info).write(LogLevel::error, "w", "m");
  EXPECT_EQ(coloured.text(), "\x1b[31m[w] error: m\x1b[0m\n");
  RecordingConsole plain(kPlainStyle);
  Log(plain.console(), LogLevel::info).write(LogLevel::error, "w", "m");
  EXPECT_EQ(plain.text(), "[w] error: m\n");
}

TEST(Log, DoesNotReadBracesAsPlaceholders) {
  RecordingConsole recording(kPlainStyle);
  Log(recording.console(), LogLevel::info).write(LogLevel::info, "w", "{} {0} %s %v");
  EXPECT_EQ(recording.text(), "[w] {} {0} %s %v\n");
}

TEST_F(LogFileTest, HoldsEveryLineWithTimeAndLevelAndIsAppendedTo) {
  RecordingConsole recording(kTerminalStyle);
  {
    Log log(recording.console(), LogLevel::error);
    log.add_file(file());
    log.write(LogLevel::debug, "w", "first");
    EXPECT_NE(contents().find("first"), std::string::npos) << "the line was not flushed";
  }
  Log again(recording.console(), LogLevel::error);
  again.add_file(file());
  again.write(LogLevel::error, "w", "second");
  const std::regex expected(
      R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z debug \[w\] first\n.*Z error \[w\] error: second\n)");
  EXPECT_TRUE(std::regex_match(contents(), expected)) << contents();
}

TEST_F(LogFileTest, SaysWhichFileCannotBeWritten) {
  RecordingConsole recording(kPlainStyle);
  Log log(recording.console(), LogLevel::info);
  const auto file_as_folder = file() / "log.txt";
  std::ofstream(file()) << "x";
  try {
    log.add_file(file_as_folder);
    FAIL() << "a file served as a folder";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_NE(error.message().find(file_as_folder.string()), std::string::npos) << error.message();
  }
}

TEST_F(LogFileTest, LinesOfSeveralThreadsDoNotMix) {
  RecordingConsole recording(kPlainStyle);
  Log log(recording.console(), LogLevel::info);
  log.add_file(file());
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) log.write(LogLevel::info, "thread", "a line of some length");
    });
  }
  threads.clear();
  std::istringstream lines(recording.text());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_EQ(line, "[thread] a line of some length");
  EXPECT_EQ(count, 400);
}

}  // namespace
}  // namespace easylm
