// Thread blocks on the CPU: each thread a fiber, scheduled in an order that a test chooses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cuda_emulation/emulation/copies.h"
#include "cuda_emulation/emulation/dimensions.h"
#include "cuda_emulation/emulation/fault.h"
#include "cuda_emulation/emulation/fiber.h"
#include "cuda_emulation/emulation/meeting.h"
#include "cuda_emulation/emulation/shared_memory.h"
#include "cuda_emulation/emulation/warpgroup.h"

namespace easylm::emulation {

inline constexpr unsigned kWarpLanes = 32;

// Which warp goes on next. `ascending`: the first that can, so that it runs ahead of others as far as it may,
// and so do its warpgroup and all before; `descending`: the last that can. `alternating`: one step of each in
// turn. `shuffled`: each as far as it can, in an order drawn anew for every round.
enum class WarpOrder { ascending, descending, alternating, shuffled };

// How a launch is scheduled. A correct kernel gives the same bits for all.
struct Schedule {
  WarpOrder order = WarpOrder::ascending;
  Copies copies = Copies::early;
};

struct Thread {
  enum class State { ready, waiting, done };
  Block* block = nullptr;
  Fiber fiber;
  uint3 index{};
  unsigned rank = 0;  // in the block
  State state = State::ready;
  std::string waits_for;
  CopyQueue copies;

  unsigned lane() const { return rank % kWarpLanes; }
  // Stops this thread, which must be the current one, until somebody calls wake(). Throws where the block has
  // failed.
  void wait(std::string_view reason);
  void wake() { state = State::ready; }
};

struct LaunchShape {
  dim3 grid, block;
  std::size_t shared_bytes = 0;
};

class Block {
 public:
  Block(const LaunchShape& shape, const Schedule& schedule, const std::function<void()>& kernel);

  // Runs all threads to their ends. Throws the first Fault, or what else the kernel threw.
  void run(uint3 index);

  const uint3& index() const { return index_; }
  const LaunchShape& shape() const { return shape_; }
  const Schedule& schedule() const { return schedule_; }
  SharedMemory& shared() { return shared_; }
  std::span<Thread> threads() { return threads_; }
  unsigned num_live() const { return num_live_; }

  LaneGroup& warp_of(const Thread& thread) { return warps_[thread.rank / kWarpLanes]; }
  Warpgroup& warpgroup_of(const Thread& thread) { return warpgroups_[thread.rank / kWarpgroupLanes]; }
  Barrier& barrier(unsigned id);

  // The current thread waits until somebody calls wake_waiters() with the same address.
  void wait_at(const void* address);
  void wake_waiters(const void* address);

  // Does the work of an asynchronous unit: at once, or when no thread can go on without.
  void run_or_defer(std::function<void()> work);

 private:
  friend struct Thread;
  static void enter(void* thread);
  void run_threads();
  void cancel();
  void run_thread(Thread& thread);
  bool run_deferred();
  bool run_lanes(std::size_t warp, bool descending);
  bool run_pass();
  std::uint32_t next_random();
  void end_thread(Thread& thread);
  [[noreturn]] void report_deadlock() const;

  LaunchShape shape_;
  Schedule schedule_;
  const std::function<void()>& kernel_;
  uint3 index_{};
  SharedMemory shared_;
  FiberStacks stacks_;
  std::vector<Thread> threads_;
  std::vector<LaneGroup> warps_;
  std::vector<Warpgroup> warpgroups_;
  std::array<Barrier, 16> barriers_;
  std::multimap<const void*, Thread*> waiters_;
  std::vector<std::function<void()>> deferred_;
  unsigned num_live_ = 0;
  std::uint32_t random_ = 0;
  std::exception_ptr failure_;
  bool cancelled_ = false;
};

// Of the thread that runs now. REQUIRES: called from a kernel.
Thread& current_thread();
Block& current_block();

// Runs a grid, block after block.
void run_grid(const LaunchShape& shape, const Schedule& schedule, const std::function<void()>& kernel);

// join() of the current thread's warp, with what is brought as a type. `complete` is called with a pointer
// for each lane.
template <typename T>
void join_warp(std::uint32_t members, std::string_view instruction, T& brought,
               Collective::Complete complete) {
  Thread& thread = current_thread();
  thread.block->warp_of(thread).join(members, instruction, &brought, complete);
}

}  // namespace easylm::emulation
