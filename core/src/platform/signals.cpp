// Signal handlers, which may call only what is safe in the middle of anything.
#include "platform/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string_view>

namespace easylm {
namespace {

std::atomic<StopToken*> the_token{nullptr};
std::atomic<unsigned> the_patience_s{0};

void say(std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

void on_signal(int number) {
  StopToken* token = the_token.load();
  if (token == nullptr) _exit(128 + number);
  if (token->requested()) {
    say("\nended at once: what was not saved yet is lost\n");
    _exit(128 + number);
  }
  token->request(number);
  ::alarm(the_patience_s.load());
  say("\nstopping cleanly; a second signal ends at once\n");
}

void on_alarm(int /*number*/) {
  const StopToken* token = the_token.load();
  if (token == nullptr) return;
  say("\nended: it took too long to stop (run.stop_timeout_seconds); what was not saved yet is lost\n");
  _exit(128 + token->signal());
}

void set_handlers(void (*stop)(int), void (*alarm)(int)) {
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  action.sa_handler = stop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = alarm;
  sigaction(SIGALRM, &action, nullptr);
}

}  // namespace

SignalGuard::SignalGuard(StopToken& token, std::chrono::seconds patience) {
  the_token = &token;
  the_patience_s = static_cast<unsigned>(patience.count());
  set_handlers(on_signal, on_alarm);
}

SignalGuard::~SignalGuard() {
  ::alarm(0);
  set_handlers(SIG_IGN, SIG_DFL);
  the_token = nullptr;
}

}  // namespace easylm
