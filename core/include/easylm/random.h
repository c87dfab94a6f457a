// Counter-based random numbers: a stream is a pure function of (seed, purpose, index), so nothing has to be
// saved to go on exactly, and the numbers don't depend on the number of ranks or threads.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A value type.
class EASYLM_API RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t index);

  std::uint64_t next();                      // 64 uniform bits
  double uniform();                          // in [0, 1), 53 bits
  std::uint64_t below(std::uint64_t limit);  // in [0, limit), unbiased. REQUIRES: limit > 0

  // 64 bits that name this stream: the seed for a library's own generator (at::Generator).
  std::uint64_t key() const { return key_; }

 private:
  void refill();

  std::uint64_t key_;
  std::uint64_t index_;
  std::uint64_t counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace easylm
