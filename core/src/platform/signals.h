// SIGINT and SIGTERM ask a run to stop; a second one ends the process at once.
#pragma once

#include "easylm/host.h"

namespace easylm {

// Handlers are in place while an object lives; one at a time. `token` outlives it.
class EASYLM_API SignalGuard {
 public:
  explicit SignalGuard(StopToken& token);
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
};

}  // namespace easylm
