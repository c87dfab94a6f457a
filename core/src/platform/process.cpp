// Asks the kernel about processes.
#include "platform/process.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

namespace easylm {
namespace {

constexpr std::time_t kClockSlack = 2;  // seconds: clocks are set now and then

std::optional<std::time_t> parse_utc(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  if (::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return std::nullopt;
  return ::timegm(&parts);
}

// Field 22 of /proc/PID/stat, in ticks since the machine started. The name before it may hold anything.
std::optional<std::time_t> start_of(pid_t process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(in, text, '\0');
  const std::size_t after_name = text.rfind(')');
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(after_name + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  long long ticks = 0;
  timespec uptime{};
  if (!(fields >> ticks) || ::clock_gettime(CLOCK_BOOTTIME, &uptime) != 0) return std::nullopt;
  return std::time(nullptr) - uptime.tv_sec + static_cast<std::time_t>(ticks / ::sysconf(_SC_CLK_TCK));
}

// Who holds a lock on `file` for writing, in the order of the locks.
std::vector<pid_t> writers_of(const std::filesystem::path& file) {
  std::vector<pid_t> writers;
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return writers;
  const std::string inode = ":" + std::to_string(facts.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream fields(line);
    std::string number, kind, strictness, access, place;
    pid_t process = 0;
    if (!(fields >> number >> kind >> strictness >> access >> process >> place)) continue;
    if (access == "WRITE" && process > 0 && place.ends_with(inode)) writers.push_back(process);
  }
  return writers;
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

bool lives_since(pid_t process, std::string_view since) {
  if (::kill(process, 0) != 0 && errno == ESRCH) return false;
  const std::optional<std::time_t> start = start_of(process), then = parse_utc(since);
  return !start || !then || *start <= *then + kClockSlack;
}

std::string writer_of(const std::filesystem::path& file) {
  for (const pid_t process : writers_of(file)) {
    if (process == ::getpid()) continue;
    std::string name;
    std::ifstream comm("/proc/" + std::to_string(process) + "/comm");
    std::getline(comm, name);
    return "process " + std::to_string(process) + (name.empty() ? "" : " (" + name + ")");
  }
  return {};
}

bool holds_lock(pid_t process, const std::filesystem::path& file) {
  const std::vector<pid_t> writers = writers_of(file);
  return std::ranges::find(writers, process) != writers.end();
}

}  // namespace easylm
