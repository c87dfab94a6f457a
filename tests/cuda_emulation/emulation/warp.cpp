// Exchanges within a warp, completed by its last lane.
#include "cuda_emulation/emulation/warp.h"

#include <array>

namespace easylm::emulation {
namespace {

struct Vote {
  int predicate;
  std::uint32_t ballot;
};

}  // namespace

void sync_warp(std::uint32_t members) {
  char nothing = 0;
  join_warp(members, "bar.warp.sync", nothing, [](std::span<void* const>) {});
}

std::uint32_t ballot(std::uint32_t members, int predicate, const char* instruction) {
  Vote vote{predicate, 0};
  join_warp(members, instruction, vote, [](std::span<void* const> lanes) {
    std::uint32_t ballot = 0;
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      const auto* offered = static_cast<const Vote*>(lanes[lane]);
      if (offered != nullptr && offered->predicate != 0) ballot |= std::uint32_t{1} << lane;
    }
    for (void* lane : lanes) {
      if (lane != nullptr) static_cast<Vote*>(lane)->ballot = ballot;
    }
  });
  return vote.ballot;
}

void exchange(std::uint32_t members, Offer& offer, const char* instruction) {
  join_warp(members, instruction, offer, [](std::span<void* const> lanes) {
    std::array<std::uint64_t, kWarpLanes> values{};
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      if (lanes[lane] != nullptr) values[lane] = static_cast<const Offer*>(lanes[lane])->value;
    }
    for (void* lane : lanes) {
      if (lane == nullptr) continue;
      auto& wish = *static_cast<Offer*>(lane);
      const auto source = static_cast<std::size_t>(wish.source);
      if (source >= lanes.size() || lanes[source] == nullptr) {
        fail(FaultKind::divergence,
             "a shuffle from lane " + std::to_string(wish.source) + ", which takes no part");
      }
      wish.value = values[source];
    }
  });
}

}  // namespace easylm::emulation
