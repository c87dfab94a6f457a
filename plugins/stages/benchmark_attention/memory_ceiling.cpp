// Sets the limit on what a process maps to write into.
#include "memory_ceiling.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>

namespace easylm::stages {
namespace {

// Kilobytes that a line of a file like /proc/meminfo says; 0 if there is no such line.
std::uint64_t kilobytes(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(key + ":")) return std::stoull(line.substr(key.size() + 1));
  }
  return 0;
}

}  // namespace

MemoryCeiling::MemoryCeiling() {
  ::getrlimit(RLIMIT_DATA, &before_);
  const std::uint64_t free = kilobytes("/proc/meminfo", "MemAvailable");
  const std::uint64_t own = kilobytes("/proc/self/status", "VmData");
  if (free == 0 || own == 0) return;
  constexpr std::uint64_t kShare = 20;  // of what is free, a part in so many is left to others
  rlimit limit = before_;
  limit.rlim_cur = std::min<rlim_t>(before_.rlim_cur, (own + free - free / kShare) * 1024);
  ::setrlimit(RLIMIT_DATA, &limit);
}

MemoryCeiling::~MemoryCeiling() { ::setrlimit(RLIMIT_DATA, &before_); }

}  // namespace easylm::stages
