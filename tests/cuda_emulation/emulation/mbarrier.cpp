// The state is packed into the barrier's own bytes, so that what overwrites it is found.
#include "cuda_emulation/emulation/mbarrier.h"

#include <cstring>
#include <string>

#include "cuda_emulation/emulation/block.h"

namespace easylm::emulation {
namespace {

constexpr std::uint32_t kMaxCount = (1U << 20) - 1;
constexpr std::uint64_t kMark = 0b10;  // memory that was never written has 0b11 there

struct State {
  std::uint32_t parity;   // of the current phase
  std::uint32_t count;    // arrivals of a phase
  std::uint32_t pending;  // of these still to come
  std::uint32_t bytes;    // still to land

  std::uint64_t packed() const {
    return kMark << 62 | std::uint64_t{parity} << 60 | std::uint64_t{count} << 40 |
           std::uint64_t{pending} << 20 | bytes;
  }
};

void require_place(const std::uint64_t* barrier) {
  require_aligned("mbarrier", barrier, sizeof(*barrier));
  require_shared("mbarrier", barrier, sizeof(*barrier));
}

State state_of(const std::uint64_t* barrier) {
  require_place(barrier);
  const std::uint64_t packed = *barrier;
  if (packed >> 62 != kMark) fail(FaultKind::misuse, "an mbarrier that was not initialised, or overwritten");
  return {static_cast<std::uint32_t>(packed >> 60 & 1), static_cast<std::uint32_t>(packed >> 40 & kMaxCount),
          static_cast<std::uint32_t>(packed >> 20 & kMaxCount),
          static_cast<std::uint32_t>(packed & kMaxCount)};
}

void store(std::uint64_t* barrier, State state) {
  if (state.pending == 0 && state.bytes == 0) {
    state.parity ^= 1;
    state.pending = state.count;
    current_block().wake_waiters(barrier);
  }
  *barrier = state.packed();
}

State with_arrival(State state) {
  if (state.pending == 0) fail(FaultKind::misuse, "more arrivals at an mbarrier than it was initialised for");
  --state.pending;
  return state;
}

}  // namespace

void mbarrier_init(std::uint64_t* barrier, std::uint32_t count) {
  require_place(barrier);
  if (count == 0 || count > kMaxCount)
    fail(FaultKind::misuse, "an mbarrier for " + std::to_string(count) + " arrivals");
  *barrier = State{0, count, count, 0}.packed();
}

void mbarrier_arrive(std::uint64_t* barrier) { store(barrier, with_arrival(state_of(barrier))); }

void mbarrier_arrive_expect(std::uint64_t* barrier, std::uint32_t bytes) {
  State state = state_of(barrier);
  if (bytes > kMaxCount - state.bytes)
    fail(FaultKind::misuse, "an mbarrier expects more bytes than it can count");
  state.bytes += bytes;
  store(barrier, with_arrival(state));
}

void mbarrier_complete(std::uint64_t* barrier, std::uint32_t bytes) {
  State state = state_of(barrier);
  if (bytes > state.bytes) {
    fail(FaultKind::misuse,
         std::to_string(bytes) + " bytes landed at an mbarrier that expects " + std::to_string(state.bytes));
  }
  state.bytes -= bytes;
  store(barrier, state);
}

void mbarrier_wait(std::uint64_t* barrier, std::uint32_t parity) {
  while (state_of(barrier).parity == parity) current_block().wait_at(barrier);
}

}  // namespace easylm::emulation
