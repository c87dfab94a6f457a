// Starts a process with pipes, watches its time and memory, and reads what it says.
#include "platform/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "easylm/error.h"

extern char** environ;

namespace easylm {
namespace {

constexpr std::size_t kMostTalk = 64 << 10;
constexpr int kPollMs = 10;

[[noreturn]] void fail(const std::string& what, int reason) {
  throw Error(ErrorCode::io, what + ": " + std::strerror(reason));
}

class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0) fail("can't make a pipe", errno);
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    close(ends_[0]);
    close_write_end();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_write_end() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  void drain(std::string& into) const {
    std::array<char, 4096> piece{};
    for (;;) {
      const ssize_t got = read(ends_[0], piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return;
      into.append(piece.data(), static_cast<std::size_t>(got));
      if (into.size() > 2 * kMostTalk) into.erase(0, into.size() - kMostTalk);
    }
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

pid_t start(const std::vector<std::string>& command, const Pipe& talk, const Pipe& report) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, talk.write_end(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, talk.write_end(), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, report.write_end(), kReportDescriptor);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = -1;
  const int failure = posix_spawn(&child, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failure != 0) fail("can't start " + command.front(), failure);
  return child;
}

std::int64_t resident_bytes(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/statm");
  std::int64_t all = 0;
  std::int64_t resident = 0;
  in >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace

ChildOutcome run_child(const std::vector<std::string>& command, const ChildLimits& limits) {
  Pipe talk;
  Pipe report;
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = start(command, talk, report);
  talk.close_write_end();
  report.close_write_end();
  ChildOutcome outcome;
  for (;;) {
    std::array<pollfd, 2> ends{{{talk.read_end(), POLLIN, 0}, {report.read_end(), POLLIN, 0}}};
    poll(ends.data(), ends.size(), kPollMs);
    talk.drain(outcome.talk);
    report.drain(outcome.report);
    int status = 0;
    const pid_t ended = waitpid(child, &status, WNOHANG);
    const auto now = std::chrono::steady_clock::now();
    outcome.seconds = std::chrono::duration<double>(now - begin).count();
    if (ended == child) {
      if (outcome.end == ChildEnd::exited && WIFSIGNALED(status)) outcome.end = ChildEnd::killed;
      outcome.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
      break;
    }
    if (ended < 0 && errno != EINTR) fail("lost the process " + std::to_string(child), errno);
    if (outcome.end != ChildEnd::exited) continue;  // killed below, not yet gone
    if (now - begin > limits.time) outcome.end = ChildEnd::out_of_time;
    if (resident_bytes(child) > limits.resident_bytes) outcome.end = ChildEnd::out_of_memory;
    if (outcome.end != ChildEnd::exited) kill(-child, SIGKILL);
  }
  kill(-child, SIGKILL);  // what it started and left behind
  talk.drain(outcome.talk);
  report.drain(outcome.report);
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
