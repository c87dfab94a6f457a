// A function that can stop in the middle and be gone on with: what a CUDA thread is on the CPU.
#pragma once

#include <cstddef>
#include <span>

namespace easylm::emulation {

// Stacks for `count` fibers in one mapping, with a page below each that nobody may touch.
class FiberStacks {
 public:
  explicit FiberStacks(std::size_t count);
  ~FiberStacks();
  FiberStacks(const FiberStacks&) = delete;
  FiberStacks& operator=(const FiberStacks&) = delete;

  std::span<std::byte> operator[](std::size_t index) const;

 private:
  std::byte* memory_;
  std::size_t count_;
};

// x86-64 only. A fiber that is destroyed in the middle leaves its stack as it is: no destructor
// runs.
class Fiber {
 public:
  using Body = void (*)(void* argument);

  // Makes a fiber that will call `body`, which must not let an exception out. `stack` must outlive the fiber.
  void prepare(std::span<std::byte> stack, Body body, void* argument);

  // Runs the fiber until it suspends itself or its body ends.
  // REQUIRES: called from outside all fibers; its body has not ended.
  void resume();
  bool is_done() const { return done_; }

  // Goes back to whoever resumed this fiber. REQUIRES: called from inside it.
  void suspend();

 private:
  static void enter(Fiber* fiber);
  [[noreturn]] void run();
  void leave(void** kept);

  void* pointer_ = nullptr;  // the stack pointer while suspended
  void* outside_ = nullptr;  // the resumer's
  std::span<std::byte> stack_;
  Body body_ = nullptr;
  void* argument_ = nullptr;
  bool done_ = false;
  // What AddressSanitizer keeps of either stack.
  void* kept_ = nullptr;
  [[maybe_unused]] void* kept_outside_ = nullptr;
  [[maybe_unused]] const void* outside_bottom_ = nullptr;
  [[maybe_unused]] std::size_t outside_size_ = 0;
};

}  // namespace easylm::emulation
