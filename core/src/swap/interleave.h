// Runs programs in turns, one at a time, so that whatever slows the machine slows them all alike.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "easylm/host.h"
#include "swap/own_time.h"

namespace easylm {

struct Job {
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::filesystem::path output;  // what it prints
};

struct JobOutcome {
  std::vector<Slice> slices;
  pid_t process = 0;
  int exit_code = 0;  // 128 and the signal's number if one ended it
  std::int64_t peak_bytes = 0;
};

struct Turns {
  std::chrono::duration<double> slice{5};
  // Whether a process may be paused now: not while it holds what others wait for.
  std::function<bool(pid_t)> may_pause = [](pid_t) { return true; };
  std::function<void(std::size_t job)> on_turn = [](std::size_t) {};  // it runs next
};

struct Interleaved {
  std::vector<JobOutcome> jobs;
  std::optional<std::size_t> failed;  // the first one that ended with another exit code than 0
};

// Each job runs for a slice while the others are paused; forth and back: A B C, C B A, A B C. Returns when
// all have ended. If one fails, the others are told to end (SIGTERM) and waited for. Throws
// Error{interrupted} when `stop` says so; its signal was passed on then, and all have ended.
EASYLM_API Interleaved run_interleaved(std::span<const Job> jobs, const Turns& turns, const StopToken& stop);

}  // namespace easylm
