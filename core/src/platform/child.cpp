// Watches a child's time and memory, and reads what it said when it has ended.
#include "platform/child.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "platform/child_process.h"
#include "platform/scratch_folder.h"

namespace easylm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::streamoff kMostBytes = 64 << 10;
constexpr std::chrono::milliseconds kShortestPause{1};
constexpr std::chrono::milliseconds kLongestPause{20};

std::string end_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  const std::streamoff size = std::max<std::streamoff>(in.tellg(), 0);
  in.seekg(std::max<std::streamoff>(size - kMostBytes, 0));
  return {std::istreambuf_iterator<char>(in), {}};
}

std::int64_t resident_bytes(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/statm");
  std::int64_t all = 0;
  std::int64_t resident = 0;
  in >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Waits until the child has ended, or is beyond a limit; then it is ended.
ChildEnd watch(ChildProcess& child, const ChildLimits& limits, Clock::time_point begin) {
  ChildEnd end = ChildEnd::exited;
  std::chrono::milliseconds pause = kShortestPause;
  while (!child.ended()) {
    if (end == ChildEnd::exited) {
      if (Clock::now() - begin > limits.time) end = ChildEnd::out_of_time;
      if (resident_bytes(child.id()) > limits.resident_bytes) end = ChildEnd::out_of_memory;
      if (end != ChildEnd::exited) child.signal(SIGKILL);
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
  return end == ChildEnd::exited && child.signal_number() != 0 ? ChildEnd::killed : end;
}

}  // namespace

ChildOutcome run_child(const std::vector<std::string>& command, const ChildLimits& limits) {
  const ScratchFolder folder;
  const ChildFiles files{folder.path() / "talk", folder.path() / "report"};
  const auto begin = Clock::now();
  ChildOutcome outcome;
  {
    ChildProcess child(command.front(), {command.begin() + 1, command.end()}, files);
    outcome.end = watch(child, limits, begin);
    outcome.status = outcome.end == ChildEnd::killed ? child.signal_number() : child.exit_code();
  }
  outcome.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  outcome.report = end_of(files.report);
  outcome.talk = end_of(files.output);
  return outcome;
}

std::string describe_end(const ChildOutcome& outcome, const ChildLimits& limits) {
  switch (outcome.end) {
    case ChildEnd::exited:
      return "ended with exit code " + std::to_string(outcome.status);
    case ChildEnd::killed: {
      const char* name = sigabbrev_np(outcome.status);
      return "was killed by " +
             (name != nullptr ? "SIG" + std::string(name) : std::to_string(outcome.status));
    }
    case ChildEnd::out_of_time:
      return "was still running after " + std::to_string(limits.time.count() / 1000) + " s";
    case ChildEnd::out_of_memory:
      return "used more than " + std::to_string(limits.resident_bytes >> 20) + " MiB of memory";
  }
  return "ended";
}

}  // namespace easylm
