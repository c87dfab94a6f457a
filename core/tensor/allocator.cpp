// The caching CPU allocator as LibTorch sees it, and its counters.
#include "easylm/tensor/allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>

#include "block_pool.h"
#include "easylm/error.h"

namespace easylm {
namespace {

constexpr std::size_t kPooledFrom = std::size_t{256} << 10U;
constexpr std::size_t kAlignment = 64;

[[noreturn]] void refuse(std::size_t size) {
  throw Error(ErrorCode::io,
              "out of memory: " + std::to_string(size >> 20U) + " MiB for one tensor can't be had",
              "use a smaller batch or sequence, recompute = \"blocks\", or precision = \"bf16\"");
}

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t size) override {
    if (size == 0) return {nullptr, nullptr, &release, at::kCPU};
    void* data = size < kPooledFrom ? allocate_small(size) : allocate_pooled(size);
    return {data, data, &release, at::kCPU};
  }

  // LibTorch's bf16 products allocate without a DataPtr: one function that frees whatever allocate() gave.
  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void* destination, const void* source, std::size_t size) const override {
    default_copy_data(destination, source, size);
  }

  CpuMemory memory() {
    const std::lock_guard lock(mutex_);
    CpuMemory now = memory_;
    now.mapped = mapped();
    return now;
  }

  void reset_peaks() {
    const std::lock_guard lock(mutex_);
    memory_.peak = memory_.in_use;
    memory_.mapped_peak = mapped();
  }

  void trim() {
    const std::lock_guard lock(mutex_);
    pool_.trim();
  }

 private:
  void* allocate_small(std::size_t size) {
    void* data = nullptr;
    if (posix_memalign(&data, kAlignment, size) != 0) refuse(size);
    const std::lock_guard lock(mutex_);
    const auto bytes = static_cast<std::int64_t>(malloc_usable_size(data));
    small_ += bytes;
    count(bytes);
    return data;
  }

  void* allocate_pooled(std::size_t size) {
    const std::lock_guard lock(mutex_);
    void* data = pool_.take(size);
    if (data == nullptr) refuse(size);
    count(static_cast<std::int64_t>(pool_.size_of(data)));
    return data;
  }

  static void release(void* data);
  bool release_pooled(const void* data);
  void release_small(void* data);

  // The two below: REQUIRES mutex_.
  void count(std::int64_t bytes) {
    memory_.in_use += bytes;
    memory_.peak = std::max(memory_.peak, memory_.in_use);
    memory_.mapped_peak = std::max(memory_.mapped_peak, mapped());
  }
  std::int64_t mapped() const { return small_ + static_cast<std::int64_t>(pool_.mapped()); }

  std::mutex mutex_;
  BlockPool pool_;
  CpuMemory memory_;
  std::int64_t small_ = 0;
};

// Never destroyed: tensors in static storage may outlive everything else.
CachingAllocator& allocator() {
  static auto* instance = new CachingAllocator;
  return *instance;
}

void CachingAllocator::release(void* data) {
  if (data == nullptr) return;
  const bool can_be_pooled = reinterpret_cast<std::uintptr_t>(data) % BlockPool::kAlignment == 0;
  if (!can_be_pooled || !allocator().release_pooled(data)) allocator().release_small(data);
}

// False if it isn't the pool's.
bool CachingAllocator::release_pooled(const void* data) {
  const std::lock_guard lock(mutex_);
  const std::size_t size = pool_.size_of(data);
  if (size == 0) return false;
  memory_.in_use -= static_cast<std::int64_t>(size);
  pool_.give_back(data);
  return true;
}

void CachingAllocator::release_small(void* data) {
  const auto bytes = static_cast<std::int64_t>(malloc_usable_size(data));
  std::free(data);
  const std::lock_guard lock(mutex_);
  small_ -= bytes;
  memory_.in_use -= bytes;
}

}  // namespace

void install_cpu_allocator() {
  constexpr std::uint8_t kPriority = 100;
  static std::once_flag once;
  std::call_once(once, [] { c10::SetCPUAllocator(&allocator(), kPriority); });
}

CpuMemory cpu_memory() { return allocator().memory(); }
void reset_cpu_memory_peaks() { allocator().reset_peaks(); }
void release_cpu_cache() { allocator().trim(); }

}  // namespace easylm
