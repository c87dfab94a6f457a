// The caching CPU allocator: reuse, alignment, counters, concurrent use.
#include "easylm/tensor/allocator.h"

#include <c10/core/Allocator.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "easylm/tensor/aten.h"

namespace easylm {
namespace {

constexpr std::int64_t kMebi = std::int64_t{1} << 20U;

at::Tensor bytes(std::int64_t size) { return aten::empty({size}, at::kByte); }

class Allocator : public ::testing::Test {
 protected:
  void SetUp() override {
    install_cpu_allocator();
    release_cpu_cache();
    reset_cpu_memory_peaks();
  }
};

TEST_F(Allocator, HandsAFreedBlockOutAgain) {
  const void* first = bytes(48 * kMebi).data_ptr();
  const std::int64_t mapped = cpu_memory().mapped;
  EXPECT_EQ(bytes(48 * kMebi).data_ptr(), first);
  EXPECT_EQ(cpu_memory().mapped, mapped);
}

TEST_F(Allocator, AlignsEveryBlock) {
  for (const std::int64_t size : {1L, 100L, 4097L, 300'000L, 3 * kMebi + 1}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes(size).data_ptr()) % 64, 0U) << size;
  }
  const at::Tensor large = bytes(64 * kMebi);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data_ptr()) % (2 * kMebi), 0U);
}

TEST_F(Allocator, CountsWhatIsInUseAndTheMostThatWas) {
  const std::int64_t before = cpu_memory().in_use;
  {
    const at::Tensor a = bytes(10 * kMebi), b = bytes(1000);
    EXPECT_GE(cpu_memory().in_use, before + 10 * kMebi + 1000);
    EXPECT_LT(cpu_memory().in_use, before + 10 * kMebi + 8192);
  }
  EXPECT_EQ(cpu_memory().in_use, before);
  EXPECT_GE(cpu_memory().peak, before + 10 * kMebi + 1000);
  reset_cpu_memory_peaks();
  EXPECT_EQ(cpu_memory().peak, before);
}

TEST_F(Allocator, GivesTheCacheBackOnRequest) {
  const std::int64_t before = cpu_memory().mapped;
  bytes(200 * kMebi).fill_(1);
  EXPECT_GE(cpu_memory().mapped, before + 200 * kMebi);
  release_cpu_cache();
  EXPECT_EQ(cpu_memory().mapped, before);
}

TEST_F(Allocator, JoinsFreedNeighbours) {
  std::vector<at::Tensor> pieces;
  for (int i = 0; i < 16; ++i) pieces.push_back(bytes(kMebi));
  const std::int64_t mapped = cpu_memory().mapped;
  pieces.clear();
  const at::Tensor whole = bytes(16 * kMebi);
  EXPECT_EQ(cpu_memory().mapped, mapped);
}

TEST_F(Allocator, DoesNotKeepRegionsThatWereTooSmall) {
  const std::int64_t before = cpu_memory().mapped;
  for (std::int64_t size = 40; size <= 400; size += 40) bytes(size * kMebi);
  EXPECT_LE(cpu_memory().mapped, before + 402 * kMebi);
}

// What LibTorch's products in bf16 do for their scratch memory.
TEST_F(Allocator, ServesCallersWithoutATensor) {
  const std::int64_t before = cpu_memory().in_use;
  c10::Allocator* allocator = c10::GetAllocator(at::kCPU);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{100}, std::size_t{4096}, std::size_t{1} << 22U}) {
    void* data = allocator->raw_allocate(size);
    if (size > 0) {
      EXPECT_GE(cpu_memory().in_use, before + static_cast<std::int64_t>(size));
    }
    allocator->raw_deallocate(data);
    EXPECT_EQ(cpu_memory().in_use, before);
  }
}

TEST_F(Allocator, ServesEmptyTensors) { EXPECT_EQ(bytes(0).numel(), 0); }

TEST_F(Allocator, KeepsTensorsOfManyThreadsApart) {
  const std::int64_t before = cpu_memory().in_use;
  std::vector<std::thread> threads;
  std::atomic<int> mixed_up = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, &mixed_up] {
      std::minstd_rand random(static_cast<unsigned>(t) + 1);
      std::vector<at::Tensor> held(12);
      std::vector<std::uint8_t> marks(12);
      for (int i = 0; i < 1500; ++i) {
        const std::size_t slot = random() % held.size();
        if (held[slot].defined()) {
          const auto* data = held[slot].const_data_ptr<std::uint8_t>();
          const std::int64_t last = held[slot].numel() - 1;
          if (data[0] != marks[slot] || data[last / 2] != marks[slot] || data[last] != marks[slot])
            ++mixed_up;
        }
        marks[slot] = static_cast<std::uint8_t>(random());
        held[slot] = bytes(1 + static_cast<std::int64_t>(random() % (random() % 4 == 0 ? 3'000'000 : 3'000)));
        auto* data = held[slot].mutable_data_ptr<std::uint8_t>();
        const std::int64_t last = held[slot].numel() - 1;
        data[0] = data[last / 2] = data[last] = marks[slot];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(mixed_up, 0);
  EXPECT_EQ(cpu_memory().in_use, before);
}

}  // namespace
}  // namespace easylm
