// Another program, run to its end within limits: what must not take this process down runs there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "easylm/export.h"

namespace easylm {

struct ChildLimits {
  std::chrono::milliseconds time{60'000};
  std::int64_t resident_bytes = 4LL << 30;
};

enum class ChildEnd { exited, killed, out_of_time, out_of_memory };

struct ChildOutcome {
  ChildEnd end = ChildEnd::exited;
  int status = 0;      // exited: its exit code; killed: the signal
  std::string report;  // what it wrote to kReportDescriptor (child_process.h)
  std::string talk;    // what it wrote to standard output and error
  double seconds = 0;  // from start to end
};

// Runs `command`, whose first word is a path. Of what it writes the last 64 KiB are kept. Throws Error{io} if
// it can't be started.
EASYLM_API ChildOutcome run_child(const std::vector<std::string>& command, const ChildLimits& limits);

// "ended with exit code 3", "was killed by SIGSEGV", "was still running after 60 s".
EASYLM_API std::string describe_end(const ChildOutcome& outcome, const ChildLimits& limits);

}  // namespace easylm
