// Programs that are run to their end within limits.
#include "platform/child.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "easylm/error.h"

namespace easylm::test {
namespace {

ChildOutcome run(const std::string& script, const ChildLimits& limits = {}) {
  return run_child({"/bin/sh", "-c", script}, limits);
}

bool lives(pid_t process) { return kill(process, 0) == 0; }

TEST(RunChild, GivesExitCodeReportAndTalkApart) {
  const ChildOutcome outcome = run("echo out; echo err >&2; echo verdict >&3; exit 3");
  EXPECT_EQ(outcome.end, ChildEnd::exited);
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.report, "verdict\n");
  EXPECT_EQ(outcome.talk, "out\nerr\n");
  EXPECT_EQ(describe_end(outcome, {}), "ended with exit code 3");
}

TEST(RunChild, NamesTheSignalThatKilledIt) {
  const ChildOutcome outcome = run("kill -SEGV $$");
  EXPECT_EQ(outcome.end, ChildEnd::killed);
  EXPECT_EQ(describe_end(outcome, {}), "was killed by SIGSEGV");
}

TEST(RunChild, EndsWhatTakesTooLong) {
  const ChildLimits limits{std::chrono::milliseconds(1000), std::int64_t{1} << 32};
  const ChildOutcome outcome = run("exec sleep 60", limits);
  EXPECT_EQ(outcome.end, ChildEnd::out_of_time);
  EXPECT_LT(outcome.seconds, 30);
  EXPECT_EQ(describe_end(outcome, limits), "was still running after 1 s");
}

TEST(RunChild, EndsWhatTakesTooMuchMemory) {
  const ChildLimits limits{std::chrono::milliseconds(60'000), 64 << 20};
  const ChildOutcome outcome =
      run("piece=$(head -c 1000000 /dev/zero | tr '\\0' x); while :; do all=$all$piece; done", limits);
  EXPECT_EQ(outcome.end, ChildEnd::out_of_memory);
  EXPECT_EQ(describe_end(outcome, limits), "used more than 64 MiB of memory");
}

TEST(RunChild, LeavesNoProcessBehind) {
  const ChildOutcome outcome = run("sleep 60 & echo $! >&3");
  EXPECT_EQ(outcome.end, ChildEnd::exited);
  const pid_t left = std::atoi(outcome.report.c_str());
  ASSERT_GT(left, 0);
  for (int i = 0; i < 500 && lives(left); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(lives(left));
}

TEST(RunChild, KeepsTheEndOfWhatIsTooLong) {
  const ChildOutcome outcome = run("head -c 1000000 /dev/zero | tr '\\0' x; echo end");
  EXPECT_EQ(outcome.talk.size(), 64U << 10);
  EXPECT_TRUE(outcome.talk.ends_with("xend\n"));
}

TEST(RunChild, SaysWhatCannotBeStarted) { EXPECT_THROW(run_child({"/nowhere/program"}, {}), Error); }

}  // namespace
}  // namespace easylm::test
