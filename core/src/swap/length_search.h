// Finds the longest sequence that something can do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "easylm/export.h"

namespace easylm {

enum class TrialEnd { fits, out_of_memory, out_of_time, failed };

struct Trial {
  TrialEnd end = TrialEnd::fits;
  std::int64_t peak_bytes = 0;   // of what fits
  double seconds_per_token = 0;  // of what fits
  std::string failure;           // of what failed: why
};

struct SearchSpace {
  std::int64_t step = 512;        // lengths are multiples of it
  std::int64_t most = 1 << 20;    // no longer one is tried
  std::int64_t memory_bytes = 0;  // where memory is expected to end
};

struct SearchResult {
  std::int64_t longest = 0;              // that fits; 0: not even one step does
  std::int64_t beyond = 0;               // the shortest that doesn't; 0: nothing ended the search
  TrialEnd beyond_end = TrialEnd::fits;  // how it ended
  std::vector<std::pair<std::int64_t, Trial>> trials;  // in the order in which they were made
};

// `longest` and `beyond` differ by no more than the larger of a step and a 32nd of `longest`. Lengths grow by
// factors, up to where the peaks of what fitted say that memory ends, and from there on by small steps that
// double: what fits takes long, so few trials are made far from the end. A trial that fails ends the search.
// REQUIRES: step >= 1, most >= step; what fits at a length fits at each shorter one.
EASYLM_API SearchResult longest_length(const SearchSpace& space,
                                       const std::function<Trial(std::int64_t length)>& try_length);

}  // namespace easylm
