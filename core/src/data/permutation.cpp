// A balanced Feistel network with cycle walking.
#include "data/permutation.h"

#include <bit>

namespace easylm {
namespace {

// The finaliser of SplitMix64: every bit of the input reaches every bit of the result.
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

}  // namespace

Permutation::Permutation(std::int64_t size, RandomStream stream) : size_(static_cast<std::uint64_t>(size)) {
  half_bits_ = (static_cast<unsigned>(std::bit_width(size_ - 1)) + 1) / 2;
  for (std::uint64_t& key : keys_) key = stream.next();
}

// Whatever the round function, a Feistel network is a bijection on its bits.
std::uint64_t Permutation::shuffle_once(std::uint64_t x) const {
  const std::uint64_t low_bits = (1ULL << half_bits_) - 1;
  std::uint64_t left = x >> half_bits_;
  std::uint64_t right = x & low_bits;
  for (const std::uint64_t key : keys_) {
    const std::uint64_t next = left ^ (mix(right ^ key) & low_bits);
    left = right;
    right = next;
  }
  return (left << half_bits_) | right;
}

// Numbers beyond size_ are walked through until one lies within. The network's domain is less than four times
// as large, so that is under four rounds on average.
std::int64_t Permutation::operator()(std::int64_t index) const {
  auto x = static_cast<std::uint64_t>(index);
  do {
    x = shuffle_once(x);
  } while (x >= size_);
  return static_cast<std::int64_t>(x);
}

}  // namespace easylm
