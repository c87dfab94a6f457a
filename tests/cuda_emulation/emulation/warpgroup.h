// Matrix instructions of a warpgroup, which are 128 lanes: wgmma.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "cuda_emulation/emulation/half.h"
#include "cuda_emulation/emulation/meeting.h"

namespace easylm::emulation {

inline constexpr unsigned kWarpgroupLanes = 128;

// How a matrix lies in shared memory: which of its two indices moves along memory.
enum class Major { k, mn };

// One lane's part of d = a·b (+ d): a is 64 × 16, b 16 × columns, d 64 × columns in fp32. The registers are
// read and written when the instruction is done, which may be as late as the wait for it.
struct WgmmaOperands {
  float* d;                // columns / 2 numbers
  const std::uint32_t* a;  // four registers; null: a is in shared memory, by `a_descriptor`
  std::uint64_t a_descriptor;
  std::uint64_t b_descriptor;
  unsigned columns;
  Major b_major;
  bool adds;  // to what d holds
};

struct Wgmma {
  std::array<WgmmaOperands, kWarpgroupLanes> lanes;
  float (*value)(std::uint16_t bits);
  void perform() const;
};

// One warpgroup's asynchronous products. All 128 lanes execute each of these together.
class Warpgroup {
 public:
  explicit Warpgroup(std::span<Thread> lanes) : group_(lanes) {}

  template <typename T>
  void multiply(WgmmaOperands& mine) {
    multiply(mine, value_of_bits<T>);
  }
  void fence();
  void commit();
  void wait(std::size_t num_groups);
  // setmaxnreg: only its limits are checked.
  void set_registers(unsigned count);

 private:
  void multiply(WgmmaOperands& mine, float (*value)(std::uint16_t));
  void issue(std::span<void* const> lanes, float (*value)(std::uint16_t));
  void join(std::string_view instruction, void* brought, Collective::Complete complete);

  LaneGroup group_;
  bool fenced_ = false;
  std::vector<Wgmma> open_;
  std::deque<std::vector<Wgmma>> groups_;
};

// Of the current thread. A Fault if its block has no whole warpgroup there.
Warpgroup& current_warpgroup();

}  // namespace easylm::emulation
