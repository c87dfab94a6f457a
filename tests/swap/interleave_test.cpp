// Turns: one runs at a time, all come to their end, and none is left behind.
#include "swap/interleave.h"

#include <gtest/gtest.h>
#include <sys/file.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include "easylm/error.h"
#include "platform/child_process.h"
#include "platform/process.h"
#include "support/child_process.h"
#include "support/temporary_folder.h"
#include "swap/failure.h"

namespace easylm {
namespace {

class Interleave : public ::testing::Test {
 protected:
  Job shell(const std::string& name, const std::string& script) const {
    return {"/bin/sh", {"-c", script}, folder_.path() / name};
  }

  std::string output(const std::string& name) const {
    std::ifstream in(folder_.path() / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  testing::TemporaryFolder folder_;
  Turns turns_{.slice = std::chrono::milliseconds(50)};
  StopToken stop_;
};

double sum(const std::vector<Slice>& slices) { return own_seconds(slices, 1e18); }

// Each notes the time again and again: no note may lie in another's slice.
TEST_F(Interleave, RunsOneAtATimeForthAndBack) {
  const std::string script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do date +%s.%N; sleep 0.02; done";
  const std::vector<Job> jobs{shell("a", script), shell("b", script), shell("c", script)};
  const Interleaved outcome = run_interleaved(jobs, turns_, stop_);
  EXPECT_FALSE(outcome.failed);
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    EXPECT_GE(outcome.jobs[i].slices.size(), 3U);
    EXPECT_GT(outcome.jobs[i].peak_bytes, 0);
    for (const Slice& slice : outcome.jobs[i].slices) order.emplace_back(slice.begin, i);
    std::ifstream notes(jobs[i].output);
    int count = 0;
    for (double time = 0; notes >> time; ++count) {
      for (std::size_t other = 0; other < jobs.size(); ++other) {
        if (other == i) continue;
        for (const Slice& slice : outcome.jobs[other].slices) {
          EXPECT_FALSE(time > slice.begin + 0.005 && time < slice.end - 0.005) << i << " in " << other;
        }
      }
    }
    EXPECT_EQ(count, 12);
  }
  std::ranges::sort(order);
  ASSERT_GE(order.size(), 6U);
  std::vector<std::size_t> first;
  for (std::size_t i = 0; i < 6; ++i) first.push_back(order[i].second);
  EXPECT_EQ(first, (std::vector<std::size_t>{0, 1, 2, 2, 1, 0}));
}

TEST_F(Interleave, AFailureStopsTheOthersAndSaysWhy) {
  const std::vector<Job> jobs{shell("good", "trap 'echo told; exit 75' TERM; while :; do sleep 0.02; done"),
                              shell("bad",
                                    "sleep 0.2; echo 'step 1/2 | loss 3' ; echo '[run] error: it broke' ; "
                                    "echo 'hint: mend it'; exit 1")};
  const Interleaved outcome = run_interleaved(jobs, turns_, stop_);
  ASSERT_EQ(outcome.failed, 1U);
  EXPECT_EQ(output("good"), "told\n");
  EXPECT_EQ(failure_text(jobs[1].output, outcome.jobs[1].exit_code), "it broke\nhint: mend it");
  EXPECT_EQ(last_progress(jobs[1].output), "step 1/2 | loss 3");
}

TEST_F(Interleave, ASignalThatEndsOneIsNamed) {
  const std::vector<Job> jobs{shell("killed", "kill -KILL $$")};
  const Interleaved outcome = run_interleaved(jobs, turns_, stop_);
  EXPECT_EQ(outcome.failed, 0U);
  EXPECT_EQ(outcome.jobs[0].exit_code, 128 + SIGKILL);
  EXPECT_EQ(failure_text(jobs[0].output, 128 + SIGKILL), "ended by signal 9 (Killed)");
}

TEST_F(Interleave, PassesASignalOnToAllAlsoToThosePaused) {
  const std::string script = "trap 'echo told; exit 130' INT; while :; do sleep 0.02; done";
  const std::vector<Job> jobs{shell("a", script), shell("b", script)};
  std::thread person([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    stop_.request(SIGINT);
  });
  EXPECT_THROW(run_interleaved(jobs, turns_, stop_), Error);
  person.join();
  EXPECT_EQ(output("a"), "told\n");
  EXPECT_EQ(output("b"), "told\n");
}

TEST_F(Interleave, NobodyIsPausedWhileHeHoldsWhatOthersWaitFor) {
  turns_.may_pause = [this](pid_t) { return !std::filesystem::exists(folder_.path() / "held"); };
  const std::string held = (folder_.path() / "held").string();
  const std::vector<Job> jobs{shell("holder", "touch " + held + "; sleep 0.4; rm " + held + "; sleep 0.1"),
                              shell("other", "test ! -e " + held)};
  EXPECT_FALSE(run_interleaved(jobs, turns_, stop_).failed);
}

TEST_F(Interleave, OwnTimeLeavesPausesOut) {
  const std::vector<Job> jobs{shell("a", "sleep 0.3"), shell("b", "sleep 0.3")};
  const Interleaved outcome = run_interleaved(jobs, turns_, stop_);
  const double whole = outcome.jobs[0].slices.back().end - outcome.jobs[0].slices.front().begin;
  EXPECT_LT(sum(outcome.jobs[0].slices), whole);
}

TEST_F(Interleave, WhatCannotStartSaysSo) {
  const std::vector<Job> jobs{{"/nonexistent/program", {}, folder_.path() / "out"}};
  try {
    run_interleaved(jobs, turns_, stop_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "can't start /nonexistent/program: No such file or directory");
  }
}

TEST(ChildProcess, DiesWithItsParentAlsoWhenPaused) {
  const testing::TemporaryFolder folder;
  const std::filesystem::path note = folder.path() / "id";
  const pid_t parent = testing::start_child([&] {
    ChildProcess child("/bin/sleep", {"60"}, {folder.path() / "out", {}});
    child.pause();
    std::ofstream(note) << child.id() << std::flush;
    ::raise(SIGKILL);
    return true;
  });
  testing::wait_for(parent);
  pid_t id = 0;
  std::ifstream(note) >> id;
  ASSERT_GT(id, 0);
  for (int i = 0; i < 500; ++i) {
    std::ifstream status("/proc/" + std::to_string(id) + "/stat");
    std::string text;
    std::getline(status, text);
    if (text.empty() || text.find(") Z") != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(id, SIGKILL);
  FAIL() << "it lives on";
}

TEST(HoldsLock, KnowsWhoHoldsAFile) {
  const testing::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "file";
  std::FILE* held = std::fopen(file.c_str(), "w");
  ASSERT_NE(held, nullptr);
  EXPECT_FALSE(holds_lock(::getpid(), file));
  ASSERT_EQ(::flock(::fileno(held), LOCK_EX), 0);
  EXPECT_TRUE(holds_lock(::getpid(), file));
  EXPECT_FALSE(holds_lock(::getppid(), file));
  std::fclose(held);
}

}  // namespace
}  // namespace easylm
