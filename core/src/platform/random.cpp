// Philox4x32-10 keyed by seed and purpose.
#include "easylm/random.h"

namespace easylm {
namespace {

// FNV-1a over the purpose, then a 64-bit mix (the finaliser of SplitMix64) with the seed.
std::uint64_t key_of(std::uint64_t seed, std::string_view purpose) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : purpose) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3ULL;
  }
  std::uint64_t z = hash ^ (seed + 0x9e3779b97f4a7c15ULL + (hash << 6U));
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

std::uint64_t mix(std::uint64_t key, std::uint64_t index) { return key_of(key + index, "stream"); }

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t index)
    : key_(mix(key_of(seed, purpose), index)), index_(index) {}

void RandomStream::refill() {
  std::array<std::uint32_t, 4> x = {
      static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32U),
      static_cast<std::uint32_t>(index_), static_cast<std::uint32_t>(index_ >> 32U)};
  auto k0 = static_cast<std::uint32_t>(key_);
  auto k1 = static_cast<std::uint32_t>(key_ >> 32U);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ULL * x[0];
    const std::uint64_t p1 = 0xCD9E8D57ULL * x[2];
    x = {static_cast<std::uint32_t>(p1 >> 32U) ^ x[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32U) ^ x[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  block_ = x;
  ++counter_;
  used_ = 0;
}

std::uint64_t RandomStream::next() {
  if (used_ >= 4) refill();
  const std::uint64_t low = block_[static_cast<std::size_t>(used_)];
  const std::uint64_t high = block_[static_cast<std::size_t>(used_) + 1];
  used_ += 2;
  return low | (high << 32U);
}

double RandomStream::uniform() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

std::uint64_t RandomStream::below(std::uint64_t limit) {
  const std::uint64_t rejected = (0 - limit) % limit;  // numbers below this would favour small results
  for (;;) {
    const std::uint64_t x = next();
    if (x >= rejected) return x % limit;
  }
}

}  // namespace easylm
