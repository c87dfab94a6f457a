// Reads the scheduler's counters, and counts to a number.
#include "time_probe.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <system_error>

namespace easylm::stages {
namespace {

constexpr double kMostWaiting = 0.02;  // of the time of a call
constexpr double kMostSlowdown = 1.15;
constexpr int kSpins = 3;                // the fastest counts: an interrupt in one of them means nothing
constexpr int kSpinAdditions = 100'000;  // some tens of microseconds

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double spin_seconds() {
  const double begin = now();
  std::int64_t sum = 0;
  for (int i = 0; i < kSpinAdditions; ++i) {
    sum += i;
    asm volatile("" : "+r"(sum));  // one addition after the other, each of them
  }
  return now() - begin;
}

// Of all threads that live; negative if the system doesn't say.
std::int64_t waited_nanoseconds() {
  std::int64_t sum = -1;
  std::error_code failure;
  std::filesystem::directory_iterator thread("/proc/self/task", failure);
  for (; !failure && thread != std::filesystem::directory_iterator(); thread.increment(failure)) {
    std::ifstream in(thread->path() / "schedstat");
    std::int64_t ran = 0;
    std::int64_t waited = 0;
    if (in >> ran >> waited) sum = std::max<std::int64_t>(sum, 0) + waited;
  }
  return sum;
}

}  // namespace

bool Timing::disturbed() const { return waited > kMostWaiting * seconds || slowdown > kMostSlowdown; }

TimeProbe::TimeProbe() : fastest_(std::numeric_limits<double>::infinity()) {
  constexpr int kCalibrations = 20;
  for (int i = 0; i < kCalibrations; ++i) spin();
  waited_ = waited_nanoseconds();
}

double TimeProbe::spin() {
  double fastest = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kSpins; ++i) fastest = std::min(fastest, spin_seconds());
  fastest_ = std::min(fastest_, fastest);
  return fastest / fastest_;
}

void TimeProbe::begin() {
  slowdown_ = spin();
  waited_ = waited_nanoseconds();
  started_ = now();
}

Timing TimeProbe::end() {
  Timing timing;
  timing.seconds = now() - started_;
  const std::int64_t waited = waited_nanoseconds();
  if (counts_waiting() && waited >= 0) {
    timing.waited = static_cast<double>(std::max<std::int64_t>(waited - waited_, 0)) * 1e-9;
  }
  timing.slowdown = std::max(slowdown_, spin());
  return timing;
}

}  // namespace easylm::stages
