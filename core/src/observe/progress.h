// The progress line: how far a stage is, its last numbers, and when it will end.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "easylm/tracker.h"
#include "observe/console.h"

namespace easylm {

// What the line shows; what is absent is left out.
struct ProgressFacts {
  std::int64_t done = 0;
  std::int64_t total = 0;  // 0: unknown
  std::optional<double> loss, validation_loss, learning_rate, gradient_norm, tokens_per_second;
  std::optional<double> peak_memory_bytes;
  std::optional<std::chrono::seconds> left;
};

// step 120/2000 | loss 2.31 | ppl 10.1 | val 2.40 | lr 3.0e-4 | gnorm 0.81 | 41.2k tok/s | mem 1.9 GB | eta
// 1h02m
EASYLM_API std::string format_progress(const ProgressFacts& facts);

// Shows a stage's progress: a line in place on a terminal, else plain lines, in both cases at a bounded rate.
// All methods: [any-thread].
class EASYLM_API Progress {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // REQUIRES: `console` outlives it.
  explicit Progress(Console& console);

  // Remembers the numbers that the line shows; ignores others.
  void metrics(const MetricRecord& record);

  // Shows the line if it is time to. The first call is always shown.
  void update(std::int64_t done, std::int64_t total, Time now);

  // The stage has ended: shows the last state if it was not shown, and forgets everything.
  void finish();

 private:
  struct Start {
    std::int64_t done;
    Time time;
  };
  void show();

  Console& console_;
  std::mutex mutex_;
  ProgressFacts facts_;
  std::optional<Start> start_;
  std::optional<Time> shown_;
  bool is_stale_ = false;  // what is on the screen is older than facts_
};

}  // namespace easylm
