// Signal handlers that touch nothing but a StopToken.
#include "platform/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace easylm {
namespace {

std::atomic<StopToken*> the_token{nullptr};

void on_signal(int number) {
  StopToken* token = the_token.load();
  if (token == nullptr || token->requested()) _exit(128 + number);
  token->request(number);
}

void set_handler(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

SignalGuard::SignalGuard(StopToken& token) {
  the_token = &token;
  set_handler(on_signal);
}

SignalGuard::~SignalGuard() {
  set_handler(SIG_DFL);
  the_token = nullptr;
}

}  // namespace easylm
