// SIGINT and SIGTERM ask a run to stop; a second one, or a timer, ends the process at once.
#pragma once

#include <chrono>

#include "easylm/host.h"

namespace easylm {

// Handlers are in place while an object lives; one at a time. `token` outlives it. The first signal is
// answered with a line on standard error; whoever hasn't stopped `patience` later is ended, with the exit
// code of the signal (128 and its number). Afterwards SIGINT and SIGTERM are ignored: what was to be done is
// done, and the exit code is to say so.
class EASYLM_API SignalGuard {
 public:
  SignalGuard(StopToken& token, std::chrono::seconds patience);
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
};

}  // namespace easylm
