// Collectives and barriers count who came, and find out who came for something else.
#include "cuda_emulation/emulation/meeting.h"

#include <algorithm>

#include "cuda_emulation/emulation/block.h"

namespace easylm::emulation {
namespace {

bool is_member(std::uint32_t members, std::size_t lane) {
  return members == ~std::uint32_t{0} || (lane < 32 && (members >> lane & 1) != 0);
}

}  // namespace

Collective::Collective(std::span<Thread> lanes, std::uint32_t members)
    : lanes_(lanes), brought_(lanes.size()) {
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) expected_ += is_member(members, lane) ? 1 : 0;
}

void Collective::join(std::string_view instruction, void* brought, Complete complete) {
  Thread& self = current_thread();
  if (arrived_ == 0) {
    instruction_ = instruction;
  } else if (instruction_ != instruction) {
    fail(FaultKind::divergence,
         "came to " + std::string(instruction) + " where other lanes are at " + std::string(instruction_));
  }
  brought_[self.rank - lanes_.front().rank] = brought;
  if (++arrived_ < expected_) {
    self.wait(instruction);
    return;
  }
  complete(brought_);
  arrived_ = 0;
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (brought_[lane] != nullptr && &lanes_[lane] != &self) lanes_[lane].wake();
    brought_[lane] = nullptr;
  }
}

void LaneGroup::join(std::uint32_t members, std::string_view instruction, void* brought,
                     Collective::Complete complete) {
  if (!is_member(members, current_thread().rank - lanes_.front().rank)) {
    fail(FaultKind::divergence,
         std::string(instruction) + " with a mask that leaves out the lane that executes it");
  }
  collectives_.try_emplace(members, lanes_, members).first->second.join(instruction, brought, complete);
}

void Barrier::sync(unsigned expected, const std::string& where) {
  Thread& self = current_thread();
  add({&self, where, true}, expected);
  self.state = Thread::State::waiting;
  release_if_complete();
  if (self.state == Thread::State::waiting) self.wait(where);
}

void Barrier::arrive(unsigned expected, const std::string& where) {
  add({&current_thread(), where, false}, expected);
  release_if_complete();
}

void Barrier::add(const Arrival& arrival, unsigned expected) {
  if (arrived_ == 0) {
    expected_ = expected;
  } else if (expected_ != expected) {
    fail(FaultKind::misuse, "a barrier for " + std::to_string(expected) + " threads where others want " +
                                std::to_string(expected_));
  }
  ++arrived_;
  arrivals_.push_back(arrival);
}

void Barrier::one_less_expected() {
  if (arrived_ == 0) return;
  --expected_;
  release_if_complete();
}

void Barrier::release_if_complete() {
  if (arrived_ < expected_) return;
  require_whole_warps();
  for (const Arrival& arrival : arrivals_) {
    if (arrival.waits) arrival.thread->wake();
  }
  arrived_ = 0;
  arrivals_.clear();
}

// The hardware counts warps, not threads: a warp comes as a whole, and from one place.
void Barrier::require_whole_warps() const {
  struct Warp {
    std::size_t came = 0;
    const std::string* where = nullptr;
  };
  std::map<unsigned, Warp> warps;
  for (const Arrival& arrival : arrivals_) {
    Warp& warp = warps[arrival.thread->rank / kWarpLanes];
    if (warp.where != nullptr && *warp.where != arrival.where) {
      fail(FaultKind::divergence, "lanes of warp " + std::to_string(arrival.thread->rank / kWarpLanes) +
                                      " are in different places: " + *warp.where + " and " + arrival.where);
    }
    warp.where = &arrival.where;
    ++warp.came;
  }
  for (const auto& [number, warp] : warps) {
    Block& block = *arrivals_.front().thread->block;
    const std::size_t lanes = block.warp_of(block.threads()[number * kWarpLanes]).lanes().size();
    if (warp.came != lanes) {
      fail(FaultKind::divergence, "only " + std::to_string(warp.came) + " of the " + std::to_string(lanes) +
                                      " lanes of warp " + std::to_string(number) + " came to " + *warp.where);
    }
  }
}

}  // namespace easylm::emulation
