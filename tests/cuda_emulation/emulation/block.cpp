// The scheduler: runs fibers in the order asked for until all have ended or none can go on.
#include "cuda_emulation/emulation/block.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace easylm::emulation {
namespace {

// Kernels reach their thread from anywhere, as they do on the hardware.
thread_local Thread* running = nullptr;

// Unwinds the stacks of threads that can't end by themselves.
struct Cancelled {};

}  // namespace

Thread& current_thread() { return *running; }
Block& current_block() { return *running->block; }

void fail(FaultKind kind, const std::string& message) {
  if (running == nullptr) throw Fault(kind, message);
  const uint3& block = running->block->index();
  throw Fault(kind, "block (" + std::to_string(block.x) + ", " + std::to_string(block.y) + ", " +
                        std::to_string(block.z) + "), thread " + std::to_string(running->rank) + ": " +
                        message);
}

void Thread::wait(std::string_view reason) {
  state = State::waiting;
  waits_for = reason;
  fiber.suspend();
  if (block->cancelled_) throw Cancelled();
}

Block::Block(const LaunchShape& shape, const Schedule& schedule, const std::function<void()>& kernel)
    : shape_(shape),
      schedule_(schedule),
      kernel_(kernel),
      shared_(shape.shared_bytes),
      stacks_(shape.block.x * shape.block.y * shape.block.z),
      threads_(shape.block.x * shape.block.y * shape.block.z) {}

Barrier& Block::barrier(unsigned id) {
  if (id >= barriers_.size()) fail(FaultKind::misuse, "no barrier has the number " + std::to_string(id));
  return barriers_[id];
}

void Block::run(uint3 index) {
  index_ = index;
  shared_.reset();
  barriers_ = {};
  warps_.clear();
  warpgroups_.clear();
  waiters_.clear();
  deferred_.clear();
  random_ = 1;
  num_live_ = static_cast<unsigned>(threads_.size());
  const dim3& size = shape_.block;
  for (unsigned rank = 0; rank < threads_.size(); ++rank) {
    Thread& thread = threads_[rank];
    thread.block = this;
    thread.rank = rank;
    thread.index = {rank % size.x, rank / size.x % size.y, rank / (size.x * size.y)};
    thread.state = Thread::State::ready;
    thread.copies = {};
    thread.fiber.prepare(stacks_[rank], enter, &thread);
  }
  for (std::size_t first = 0; first < threads_.size(); first += kWarpLanes) {
    const std::size_t lanes = std::min<std::size_t>(kWarpLanes, threads_.size() - first);
    warps_.emplace_back(threads().subspan(first, lanes));
  }
  for (std::size_t first = 0; first < threads_.size(); first += kWarpgroupLanes) {
    const std::size_t lanes = std::min<std::size_t>(kWarpgroupLanes, threads_.size() - first);
    warpgroups_.emplace_back(threads().subspan(first, lanes));
  }
  try {
    run_threads();
  } catch (...) {
    cancel();
    throw;
  }
  if (!shared_.guards_are_whole()) {
    fail(FaultKind::out_of_range, "the block wrote beside its shared memory");
  }
}

void Block::run_threads() {
  while (num_live_ > 0) {
    if (!run_pass() && !run_deferred()) report_deadlock();
  }
  if (!deferred_.empty()) fail(FaultKind::misuse, "the block ended with copies that nobody waited for");
}

void Block::wait_at(const void* address) {
  waiters_.emplace(address, &current_thread());
  current_thread().wait("an mbarrier");
}

void Block::wake_waiters(const void* address) {
  const auto [first, last] = waiters_.equal_range(address);
  for (auto waiter = first; waiter != last; ++waiter) waiter->second->wake();
  waiters_.erase(first, last);
}

void Block::run_or_defer(std::function<void()> work) {
  if (schedule_.copies == Copies::early) {
    work();
  } else {
    deferred_.push_back(std::move(work));
  }
}

// The hardware promises no order, so this varies with that of warps.
bool Block::run_deferred() {
  if (deferred_.empty()) return false;
  std::size_t chosen = 0;
  if (schedule_.order == WarpOrder::descending) chosen = deferred_.size() - 1;
  if (schedule_.order == WarpOrder::shuffled) chosen = next_random() % deferred_.size();
  const auto place = deferred_.begin() + static_cast<std::ptrdiff_t>(chosen);
  const std::function<void()> work = std::move(*place);
  deferred_.erase(place);
  running = &threads_.front();  // the work looks for its block there
  work();
  running = nullptr;
  return true;
}

void Block::cancel() {
  cancelled_ = true;
  for (Thread& thread : threads_) {
    running = &thread;
    while (!thread.fiber.is_done()) thread.fiber.resume();
  }
  running = nullptr;
}

void Block::enter(void* argument) {
  Thread& thread = *static_cast<Thread*>(argument);
  Block& block = *thread.block;
  if (block.cancelled_) return;
  try {
    block.kernel_();
    block.end_thread(thread);
  } catch (const Cancelled&) {
  } catch (...) {
    block.failure_ = std::current_exception();
  }
}

void Block::end_thread(Thread& thread) {
  thread.state = Thread::State::done;
  --num_live_;
  barriers_[0].one_less_expected();
}

void Block::run_thread(Thread& thread) {
  running = &thread;
  thread.fiber.resume();
  running = nullptr;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

// One step of each lane that can go.
bool Block::run_lanes(std::size_t warp, bool descending) {
  bool any = false;
  const std::span<Thread> lanes = warps_[warp].lanes();
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    Thread& lane = lanes[descending ? lanes.size() - 1 - i : i];
    if (lane.state != Thread::State::ready) continue;
    run_thread(lane);
    any = true;
  }
  return any;
}

std::uint32_t Block::next_random() {
  random_ = random_ * 1664525U + 1013904223U;
  return random_ >> 8;
}

// Gives each warp its turn once, or the first that can go; false if no thread could go on.
bool Block::run_pass() {
  std::vector<std::size_t> order(warps_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (schedule_.order == WarpOrder::descending) std::reverse(order.begin(), order.end());
  if (schedule_.order == WarpOrder::shuffled) {
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[next_random() % i]);
  }
  const bool by_priority =
      schedule_.order == WarpOrder::ascending || schedule_.order == WarpOrder::descending;
  bool any = false;
  for (const std::size_t warp : order) {
    bool descending = schedule_.order == WarpOrder::descending;
    if (schedule_.order == WarpOrder::shuffled) descending = next_random() % 2 == 1;
    while (run_lanes(warp, descending)) {
      any = true;
      if (schedule_.order == WarpOrder::alternating) break;
    }
    if (any && by_priority) break;
  }
  return any;
}

void Block::report_deadlock() const {
  std::map<std::string, std::pair<unsigned, unsigned>> waiting;  // how many, and the first of them
  for (const Thread& thread : threads_) {
    if (thread.state != Thread::State::waiting) continue;
    ++waiting.try_emplace(thread.waits_for, 0, thread.rank).first->second.first;
  }
  std::string message = "block (" + std::to_string(index_.x) + ", " + std::to_string(index_.y) + ", " +
                        std::to_string(index_.z) + "): no thread can go on;";
  for (const auto& [what, who] : waiting) {
    message += " " + std::to_string(who.first) + " (the first is " + std::to_string(who.second) +
               ") wait for " + what + ",";
  }
  message.back() = '.';
  throw Fault(FaultKind::deadlock, message);
}

void run_grid(const LaunchShape& shape, const Schedule& schedule, const std::function<void()>& kernel) {
  const std::size_t num_threads = std::size_t{shape.block.x} * shape.block.y * shape.block.z;
  if (num_threads == 0 || num_threads > 1024) {
    fail(FaultKind::misuse, "a block of " + std::to_string(num_threads) + " threads");
  }
  constexpr unsigned kMaxBlocks = 65535;  // across y and z
  const dim3& grid = shape.grid;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x >= 1U << 31 || grid.y > kMaxBlocks ||
      grid.z > kMaxBlocks) {
    fail(FaultKind::misuse, "a grid of " + std::to_string(grid.x) + " by " + std::to_string(grid.y) + " by " +
                                std::to_string(grid.z) + " blocks");
  }
  if (shape.shared_bytes > SharedMemory::kMaxBytes) {
    fail(FaultKind::misuse, "a block with " + std::to_string(shape.shared_bytes) + " bytes of shared memory");
  }
  Block block(shape, schedule, kernel);
  for (unsigned z = 0; z < shape.grid.z; ++z) {
    for (unsigned y = 0; y < shape.grid.y; ++y) {
      for (unsigned x = 0; x < shape.grid.x; ++x) block.run({x, y, z});
    }
  }
}

}  // namespace easylm::emulation
