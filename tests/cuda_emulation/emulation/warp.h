// What the lanes of a warp tell each other: shuffles and votes.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "cuda_emulation/emulation/block.h"

namespace easylm::emulation {

// Waits for all of `members`.
void sync_warp(std::uint32_t members);

// Bit i is set if lane i is one of `members` and gave a predicate that is not zero.
std::uint32_t ballot(std::uint32_t members, int predicate, const char* instruction);

// What a lane offers, and which lane's offer it wants.
struct Offer {
  std::uint64_t value;
  int source;
};

// Leaves in offer.value what lane offer.source offered. A Fault if that lane takes no part.
void exchange(std::uint32_t members, Offer& offer, const char* instruction);

// `value` of lane source_of(lane).
template <typename T, typename SourceOf>
T shuffle(std::uint32_t members, T value, const char* instruction, SourceOf source_of) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));
  Offer offer{0, source_of(static_cast<int>(current_thread().lane()))};
  std::memcpy(&offer.value, &value, sizeof(T));
  exchange(members, offer, instruction);
  std::memcpy(&value, &offer.value, sizeof(T));
  return value;
}

}  // namespace easylm::emulation
