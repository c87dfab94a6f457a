// Time as text.
#include "platform/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace easylm {
namespace {

std::string formatted(const timespec& now, const char* format) {
  std::tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

timespec read_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

}  // namespace

std::string utc_now() {
  const timespec now = read_clock();
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(now.tv_nsec / 1000000 % 1000));
  return formatted(now, "%Y-%m-%dT%H:%M:%S") + fraction.data();
}

std::string utc_now_compact() { return formatted(read_clock(), "%Y%m%dT%H%M%SZ"); }

}  // namespace easylm
