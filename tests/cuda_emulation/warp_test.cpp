// Shuffles, votes and barriers, and the faults that threads make with them.
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "harness.h"

namespace easylm::emulation_test {
namespace {

using namespace bpt_cuda;
using emulation::FaultKind;

constexpr unsigned kAll = 0xFFFFFFFFU;

struct Exchanged {
  int index[32], butterfly[32], down[32], up[32], in_eights[32];
  unsigned odd[32], of_low[32];
  int any[32], all[32];
};

__global__ void exchange(Exchanged* out) {
  const int lane = static_cast<int>(threadIdx.x);
  out->index[lane] = __shfl_sync(kAll, lane, 5);
  out->butterfly[lane] = __shfl_xor_sync(kAll, lane, 3);
  out->down[lane] = __shfl_down_sync(kAll, lane, 4);
  out->up[lane] = __shfl_up_sync(kAll, lane, 4);
  out->in_eights[lane] = __shfl_sync(kAll, lane, 2, 8);
  out->odd[lane] = __ballot_sync(kAll, lane % 2);
  out->any[lane] = __any_sync(kAll, lane == 31);
  out->all[lane] = __all_sync(kAll, lane < 31);
  if (lane < 8) out->of_low[lane] = __ballot_sync(0xFF, lane != 3);
}

TEST(Warp, ExchangesAsTheManualSays) {
  for_every_schedule([](CUstream_st* stream) {
    Exchanged out{};
    launch_kernel(exchange, {1, 32, 0, stream}, &out);
    for (int lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(out.index[lane], 5);
      EXPECT_EQ(out.butterfly[lane], lane ^ 3);
      EXPECT_EQ(out.down[lane], lane < 28 ? lane + 4 : lane);
      EXPECT_EQ(out.up[lane], lane < 4 ? lane : lane - 4);
      EXPECT_EQ(out.in_eights[lane], lane / 8 * 8 + 2);
      EXPECT_EQ(out.odd[lane], 0xAAAAAAAAU);
      EXPECT_EQ(out.any[lane], 1);
      EXPECT_EQ(out.all[lane], 0);
      EXPECT_EQ(out.of_low[lane], lane < 8 ? 0xF7U : 0U);
    }
  });
}

enum class Mistake {
  none,
  different_votes,
  different_barriers,
  absent_lane,
  missing_arrival,
  half_a_warp,
  wrong_count
};

__global__ void blunder(Mistake mistake) {
  const unsigned thread = threadIdx.x;
  if (mistake == Mistake::different_votes) {
    if (thread % 2 == 0) {
      __any_sync(kAll, 1);
    } else {
      __syncwarp();
    }
  }
  if (mistake == Mistake::different_barriers) {
    if (thread < 16) __syncthreads();
    if (thread >= 16) __syncthreads();
  }
  if (mistake == Mistake::absent_lane && thread < 8) __shfl_sync(0xFF, 1, 9);
  if (mistake == Mistake::missing_arrival && thread < 32) barrier_sync(3, 64);
  if (mistake == Mistake::half_a_warp && thread < 16) return;
  if (mistake == Mistake::wrong_count) barrier_sync(3, thread < 32 ? 64 : 32);
  __syncthreads();
}

TEST(Faults, AreFoundAndNamed) {
  const auto kind_of = [](Mistake mistake, const char* words) {
    return fault_of([=] { launch_kernel(blunder, {1, 64, 0, nullptr}, mistake); }, words);
  };
  EXPECT_EQ(kind_of(Mistake::none, ""), std::nullopt);
  EXPECT_EQ(kind_of(Mistake::different_votes, "came to bar.warp.sync where other lanes are at vote.any"),
            FaultKind::divergence);
  EXPECT_EQ(kind_of(Mistake::different_barriers, "lanes of warp 0 are in different places"),
            FaultKind::divergence);
  EXPECT_EQ(kind_of(Mistake::absent_lane, "a shuffle from lane 9"), FaultKind::divergence);
  EXPECT_EQ(kind_of(Mistake::missing_arrival, "32 (the first is 0) wait for barrier 3"), FaultKind::deadlock);
  EXPECT_EQ(kind_of(Mistake::half_a_warp, "only 16 of the 32 lanes of warp 0"), FaultKind::divergence);
  EXPECT_EQ(kind_of(Mistake::wrong_count, "a barrier for 32 threads where others want 64"),
            FaultKind::misuse);
}

TEST(Faults, NameTheBlockAndTheThread) {
  EXPECT_EQ(fault_of(
                [] {
                  launch_kernel(blunder, {1, 64, 0, nullptr}, Mistake::absent_lane);
                },
                "block (0, 0, 0), thread 7"),
            FaultKind::divergence);
}

TEST(Faults, IncludeLaunchesThatTheHardwareRefuses) {
  EXPECT_EQ(fault_of(
                [] {
                  launch_kernel(blunder, {1, 1025, 0, nullptr}, Mistake::none);
                },
                "a block of 1025 threads"),
            FaultKind::misuse);
  EXPECT_EQ(fault_of(
                [] {
                  launch_kernel(blunder, {1, 32, 300000, nullptr}, Mistake::none);
                },
                "300000 bytes of shared memory"),
            FaultKind::misuse);
  EXPECT_EQ(fault_of(
                [] {
                  launch_kernel(blunder, {0, 32, 0, nullptr}, Mistake::none);
                },
                "a grid of 0 by 1"),
            FaultKind::misuse);
  EXPECT_EQ(fault_of(
                [] {
                  launch_kernel(blunder, {dim3(1, 65536), 32, 0, nullptr}, Mistake::none);
                },
                "a grid of 1 by 65536"),
            FaultKind::misuse);
}

__global__ void read_shared(float* out) {
  EASYLM_DYNAMIC_SHARED(float, shared);
  EASYLM_SHARED(float[8], declared);
  out[blockIdx.x * 2] = shared[3];
  out[blockIdx.x * 2 + 1] = declared[7];
  shared[3] = declared[7] = 1.0F;
}

TEST(SharedMemory, HoldsNanBeforeItIsWritten) {
  std::vector<float> out(4, 0.0F);
  launch_kernel(read_shared, {2, 1, 16, nullptr}, out.data());
  EXPECT_TRUE(std::all_of(out.begin(), out.end(), [](float value) { return std::isnan(value); }));
}

__global__ void write_shared(int index) {
  EASYLM_DYNAMIC_SHARED(float, shared);
  shared[index] = 1.0F;
}

TEST(SharedMemory, IsNotWrittenBeside) {
  const auto write_at = [](int index) {
    return [=] { launch_kernel(write_shared, {1, 1, 16, nullptr}, index); };
  };
  EXPECT_EQ(fault_of(write_at(3), ""), std::nullopt);
#ifdef __SANITIZE_ADDRESS__
  EXPECT_DEATH(write_at(4)(), "use-after-poison");
#else
  EXPECT_EQ(fault_of(write_at(4), "wrote beside its shared memory"), FaultKind::out_of_range);
  EXPECT_EQ(fault_of(write_at(-1), "wrote beside its shared memory"), FaultKind::out_of_range);
#endif
}

// Two warpgroups meet among themselves, and note each time which it was.
__global__ void take_turns(int* notes, int* num_notes) {
  const int group = static_cast<int>(threadIdx.x / 128);
  for (int i = 0; i < 3; ++i) {
    barrier_sync(1 + group, 128);
    if (threadIdx.x % 128 == 0) notes[atomicAdd(num_notes, 1)] = group;
  }
}

TEST(Orders, LetOneWarpgroupRunAheadOfTheOther) {
  const auto notes_of = [](emulation::WarpOrder order) {
    CUstream_st stream{{order, emulation::Copies::early}};
    std::vector<int> notes(6);
    int num_notes = 0;
    launch_kernel(take_turns, {1, 256, 0, &stream}, notes.data(), &num_notes);
    return notes;
  };
  EXPECT_EQ(notes_of(emulation::WarpOrder::ascending), (std::vector<int>{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(notes_of(emulation::WarpOrder::descending), (std::vector<int>{1, 1, 1, 0, 0, 0}));
  EXPECT_EQ(notes_of(emulation::WarpOrder::alternating), (std::vector<int>{0, 1, 0, 1, 0, 1}));
}

// Each warp, and in it each lane, gives its number to the next, with or without the barriers between.
template <bool kBlockBarrier, bool kWarpBarrier>
__global__ void pass_on(int* out) {
  EASYLM_SHARED(int[128], from_warp);
  EASYLM_SHARED(int[128], from_lane);
  const int thread = static_cast<int>(threadIdx.x);
  from_warp[thread] = thread;
  if constexpr (kBlockBarrier) __syncthreads();
  const int other_warp = from_warp[(thread + 32) % 128];
  from_lane[thread] = other_warp;
  if constexpr (kWarpBarrier) __syncwarp();
  out[thread] = from_lane[thread / 32 * 32 + (thread + 1) % 32];
}

template <bool kBlockBarrier, bool kWarpBarrier>
int num_results() {
  std::vector<std::vector<int>> results;
  for_every_schedule([&](CUstream_st* stream) {
    std::vector<int> out(128);
    launch_kernel(pass_on<kBlockBarrier, kWarpBarrier>, {1, 128, 0, stream}, out.data());
    results.push_back(out);
  });
  std::sort(results.begin(), results.end());
  return static_cast<int>(std::unique(results.begin(), results.end()) - results.begin());
}

TEST(Races, ShowAsResultsThatDifferBetweenOrders) {
  EXPECT_EQ((num_results<true, true>()), 1);
  EXPECT_GT((num_results<false, true>()), 1);
  EXPECT_GT((num_results<true, false>()), 1);
}

}  // namespace
}  // namespace easylm::emulation_test
