// Exit codes: 0 done, 1 failed, 2 usage or config, 75 saved on SIGTERM (run me again), 130 interrupted.
#pragma once

#include <csignal>

#include "easylm/error.h"

namespace easylm::app {

inline int exit_code_of(const Error& error, int signal = 0) {
  if (signal == SIGTERM) return 75;
  if (signal == SIGINT) return 130;
  return error.code() == ErrorCode::invalid_config ? 2 : 1;
}

}  // namespace easylm::app
