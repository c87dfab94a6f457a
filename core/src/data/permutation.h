// A pseudo-random order of n things whose i-th element costs O(1) time and no memory.
#pragma once

#include <array>
#include <cstdint>

#include "easylm/export.h"
#include "easylm/random.h"

namespace easylm {

// A bijection on [0, size). The same stream gives the same order on every machine.
class EASYLM_API Permutation {
 public:
  // REQUIRES: size > 0.
  Permutation(std::int64_t size, RandomStream stream);

  // REQUIRES: 0 <= index < size.
  std::int64_t operator()(std::int64_t index) const;

 private:
  std::uint64_t shuffle_once(std::uint64_t x) const;

  static constexpr int kRounds = 6;
  std::uint64_t size_;
  unsigned half_bits_ = 0;  // the network works on 2 * half_bits_ bits, the fewest that hold size_
  std::array<std::uint64_t, kRounds> keys_{};
};

}  // namespace easylm
