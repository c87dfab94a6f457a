// Forks, loads one plugin in the child, and reads through a pipe how that went.
#include "plugin/trial.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "easylm/error.h"
#include "plugin/loader.h"

namespace easylm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kLoaded = "loaded";
constexpr std::string_view kRefused = "refused ";  // and then why

struct Trial {
  std::filesystem::path file;
  pid_t process = -1;
  int pipe = -1;
  Clock::time_point deadline;
  std::string said = {};
};

std::string verdict_of(const InspectedPlugin& plugin) {
  try {
    load_plugin(plugin);
    return std::string(kLoaded);
  } catch (const Error& error) {
    std::string_view why = error.message();
    const std::string prefix = "plugin " + plugin.file.string() + " can't be used: ";
    if (why.starts_with(prefix)) why.remove_prefix(prefix.size());
    return std::string(kRefused) + std::string(why) + (error.hint().empty() ? "" : ": " + error.hint());
  }
}

// The child's whole life. It leaves by _exit: destructors and buffers belong to the parent.
[[noreturn]] void be_the_child(const InspectedPlugin& plugin, int pipe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, stream);
  const std::string verdict = verdict_of(plugin);
  std::string_view rest = verdict;
  while (!rest.empty()) {
    const ssize_t put = write(pipe, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  _exit(0);
}

Trial start(const InspectedPlugin& plugin, std::chrono::milliseconds limit) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(ErrorCode::io, std::string("no pipe to a process can be made: ") + std::strerror(errno));
  }
  const pid_t process = fork();
  if (process == 0) be_the_child(plugin, ends[1]);
  close(ends[1]);
  if (process < 0) {
    close(ends[0]);
    throw Error(ErrorCode::io, std::string("no process can be started: ") + std::strerror(errno));
  }
  return {plugin.file, process, ends[0], Clock::now() + limit};
}

// Takes what the child said; true once it has said all.
bool listen(Trial& trial) {
  std::array<char, 4096> part{};
  const ssize_t got = read(trial.pipe, part.data(), part.size());
  if (got > 0) trial.said.append(part.data(), static_cast<std::size_t>(got));
  return got == 0 || (got < 0 && errno != EINTR);
}

// Ends a trial; why it failed, empty if it didn't.
std::string outcome_of(const Trial& trial, bool is_too_late) {
  if (is_too_late) kill(trial.process, SIGKILL);
  close(trial.pipe);
  int status = 0;
  while (waitpid(trial.process, &status, 0) < 0 && errno == EINTR) {
  }
  const std::string who = "the process that loaded it ";
  const std::string remedy = ": report it to the plugin's author, or take the file away";
  if (is_too_late) return who + "wasn't done in time and had to be stopped" + remedy;
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    return who + "was killed by SIG" + (name != nullptr ? name : std::to_string(WTERMSIG(status))) + remedy;
  }
  if (trial.said == kLoaded) return {};
  if (trial.said.starts_with(kRefused)) return trial.said.substr(kRefused.size());
  return who + "left with exit code " + std::to_string(WEXITSTATUS(status)) + " before it was done" + remedy;
}

// Waits until one of the trials is over, and takes those that are out of the list.
void settle(std::list<Trial>& running, LoadFailures& failures) {
  std::vector<pollfd> polls;
  Clock::time_point first = Clock::time_point::max();
  polls.reserve(running.size());
  for (const Trial& trial : running) {
    polls.push_back({trial.pipe, POLLIN, 0});
    first = std::min(first, trial.deadline);
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count();
  if (poll(polls.data(), polls.size(), static_cast<int>(std::max<std::int64_t>(left, 0))) < 0) return;
  std::size_t i = 0;
  for (auto trial = running.begin(); trial != running.end(); ++i) {
    const bool is_over = polls[i].revents != 0 && listen(*trial);
    const bool is_too_late = !is_over && Clock::now() >= trial->deadline;
    if (is_over || is_too_late) {
      const std::string why = outcome_of(*trial, is_too_late);
      if (!why.empty()) failures[trial->file] = why;
      trial = running.erase(trial);
    } else {
      ++trial;
    }
  }
}

}  // namespace

LoadFailures try_loading(const Catalogue& catalogue, std::chrono::milliseconds limit) {
  std::set<std::filesystem::path> usable;
  for (const CatalogueEntry& entry : catalogue.entries()) {
    if (entry.status == PluginStatus::available) usable.insert(entry.file);
  }
  const std::size_t at_once = std::max(std::thread::hardware_concurrency(), 1U);
  LoadFailures failures;
  std::list<Trial> running;
  for (const auto& plugin : catalogue.plugins()) {
    if (!usable.contains(plugin->file)) continue;
    while (running.size() >= at_once) settle(running, failures);
    running.push_back(start(*plugin, limit));
  }
  while (!running.empty()) settle(running, failures);
  return failures;
}

}  // namespace easylm
