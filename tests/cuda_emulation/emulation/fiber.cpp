// Switching stacks by hand: swapcontext would make two system calls a switch.
#include "cuda_emulation/emulation/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef __x86_64__
#error \
    "Fibers are written for x86-64: port easylm_switch_stack and Fiber::prepare, or leave the emulation out"
#endif

// Pushes what a callee must preserve, stores the stack pointer in *from and goes on at `to`, which was left
// the same way.
extern "C" void easylm_switch_stack(void** from, void* to);
asm(R"(
.text
.globl easylm_switch_stack
.hidden easylm_switch_stack
.type easylm_switch_stack, @function
easylm_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size easylm_switch_stack, .-easylm_switch_stack
)");

// A fiber's first return address: its Fiber comes in a register that the switch restores.
extern "C" void easylm_start_fiber();
asm(R"(
.text
.globl easylm_start_fiber
.hidden easylm_start_fiber
.type easylm_start_fiber, @function
easylm_start_fiber:
  movq %r12, %rdi
  xorl %ebp, %ebp
  callq *%r13
  ud2
.size easylm_start_fiber, .-easylm_start_fiber
)");

namespace easylm::emulation {
namespace {

constexpr std::size_t kStackBytes = 256 << 10;
constexpr std::size_t kGuardBytes = 4096;

}  // namespace

FiberStacks::FiberStacks(std::size_t count) : count_(count) {
  void* memory = mmap(nullptr, count * kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<std::byte*>(memory);
  for (std::size_t i = 0; i < count; ++i) {
    if (mprotect(memory_ + i * kStackBytes, kGuardBytes, PROT_NONE) != 0) throw std::bad_alloc();
  }
}

FiberStacks::~FiberStacks() { munmap(memory_, count_ * kStackBytes); }

std::span<std::byte> FiberStacks::operator[](std::size_t index) const {
  return {memory_ + index * kStackBytes + kGuardBytes, kStackBytes - kGuardBytes};
}

void Fiber::prepare(std::span<std::byte> stack, Body body, void* argument) {
  *this = Fiber();
  stack_ = stack;
  body_ = body;
  argument_ = argument;
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(stack.data(),
                                stack.size());  // an earlier fiber may have been left in the middle
#endif
  auto** top = reinterpret_cast<void**>(stack.data() + stack.size());
  *--top = nullptr;  // keeps the stack pointer a multiple of 16 where easylm_start_fiber calls
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(&easylm_start_fiber);
  *--top = nullptr;                                 // rbp
  *--top = nullptr;                                 // rbx
  *--top = this;                                    // r12
  *--top = reinterpret_cast<void*>(&Fiber::enter);  // r13
  *--top = nullptr;                                 // r14
  *--top = nullptr;                                 // r15
  pointer_ = top;
}

void Fiber::resume() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&kept_outside_, stack_.data(), stack_.size());
#endif
  easylm_switch_stack(&outside_, pointer_);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(kept_outside_, nullptr, nullptr);
#endif
}

void Fiber::leave([[maybe_unused]] void** kept) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(kept, outside_bottom_, outside_size_);
#endif
  easylm_switch_stack(&pointer_, outside_);
}

void Fiber::suspend() {
  leave(&kept_);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(kept_, &outside_bottom_, &outside_size_);
#endif
}

void Fiber::enter(Fiber* fiber) { fiber->run(); }

void Fiber::run() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &outside_bottom_, &outside_size_);
#endif
  body_(argument_);
  done_ = true;
  leave(nullptr);  // nothing of this stack is to be kept
  std::abort();
}

}  // namespace easylm::emulation
