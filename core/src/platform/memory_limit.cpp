// Sets resource limits of other processes, and tries them.
#include "platform/memory_limit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "easylm/error.h"

namespace easylm {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 8> kUnits = {{{"", 1},
                                                                        {"b", 1},
                                                                        {"kib", 1024},
                                                                        {"mib", 1048576},
                                                                        {"gib", 1073741824},
                                                                        {"kb", 1e3},
                                                                        {"mb", 1e6},
                                                                        {"gb", 1e9}}};

std::int64_t machine_bytes() {
  return static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
}

// In a child: waits for its limit, then asks for as much as the limit: with what it has that is more.
[[noreturn]] void try_to_exceed(const std::array<int, 2>& ends, std::int64_t bytes) {
  ::close(ends[1]);
  char byte = 0;
  [[maybe_unused]] const ssize_t count = ::read(ends[0], &byte, 1);  // returns when the parent closes its end
  const void* got = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ::_exit(got == MAP_FAILED ? 0 : 1);
}

}  // namespace

std::int64_t parse_bytes(std::string_view text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit(end, text.data() + text.size());
  std::ranges::transform(unit, unit.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  const auto* known =
      std::ranges::find(kUnits, std::string_view(unit), [](const auto& u) { return u.first; });
  constexpr double kMost = 9e18;
  if (failure == std::errc{} && known != kUnits.end() && number >= 0 && number * known->second < kMost) {
    return static_cast<std::int64_t>(std::llround(number * known->second));
  }
  throw Error(ErrorCode::invalid_config, "'" + std::string(text) + "' is no amount of memory",
              "write for example 3GiB, 512MiB or 4GB");
}

MemoryLimit::MemoryLimit(std::int64_t bytes) : bytes_(bytes) {
  if (bytes > 0 && bytes <= machine_bytes()) return;
  throw Error(ErrorCode::invalid_config,
              "a limit of " + std::to_string(bytes >> 20) + " MiB is impossible: this machine has " +
                  std::to_string(machine_bytes() >> 20) + " MiB",
              "give a limit between the two");
}

void MemoryLimit::apply(pid_t process) const {
  const rlimit limit{static_cast<rlim_t>(bytes_), static_cast<rlim_t>(bytes_)};
  if (::prlimit(process, RLIMIT_DATA, &limit, nullptr) == 0 || errno == ESRCH) return;  // it has ended
  throw Error(ErrorCode::io, std::string("can't limit the memory of a run: ") + std::strerror(errno),
              "the limit on data that this shell has (ulimit -d) must be no lower");
}

void MemoryLimit::prove() const {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(ErrorCode::io, std::string("can't make a pipe: ") + std::strerror(errno));
  }
  const pid_t child = ::fork();
  if (child == 0) try_to_exceed(ends, bytes_);
  if (child > 0) apply(child);
  ::close(ends[0]);
  ::close(ends[1]);  // the child goes on
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) {
    throw Error(ErrorCode::io, std::string("can't start a child: ") + std::strerror(errno));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw Error(ErrorCode::unsupported,
              "this system doesn't enforce limits on memory: a process got more than " + std::string(name()) +
                  " allows it",
              "Linux does since 4.7; run this on a machine that does");
}

}  // namespace easylm
