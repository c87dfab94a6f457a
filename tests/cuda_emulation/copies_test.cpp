// Asynchronous copies: early, late, in groups, with zeros, and where they may go.
#include <cstdint>
#include <cstring>
#include <vector>

#include "harness.h"

namespace easylm::emulation_test {
namespace {

using namespace bpt_cuda;
using emulation::Copies;
using emulation::FaultKind;

struct alignas(16) Global {
  std::uint32_t in[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};
  std::uint32_t seen[3] = {};
};

// Copies three pieces in a group each, waits until kGroups are left, and looks.
template <int kGroups>
__global__ void copy(Global* global) {
  EASYLM_SHARED(uint4[3], pieces);
  for (int i = 0; i < 3; ++i) {
    cp_async16(&pieces[i], global->in[i], i != 1);
    cp_async_commit();
  }
  cp_async_wait<kGroups>();
  for (int i = 0; i < 3; ++i) global->seen[i] = pieces[i].w;
}

template <int kGroups>
std::vector<std::uint32_t> seen(Copies copies) {
  CUstream_st stream{{emulation::WarpOrder::ascending, copies}};
  Global global;
  launch_kernel(copy<kGroups>, {1, 1, 0, &stream}, &global);
  return {global.seen[0], global.seen[1], global.seen[2]};
}

constexpr std::uint32_t kPoison = 0xFFFFFFFF;

TEST(Copies, LandAtOnceWhenEarly) {
  EXPECT_EQ(seen<3>(Copies::early), (std::vector<std::uint32_t>{4, 0, 12}));
}

TEST(Copies, LandGroupByGroupWhenLate) {
  EXPECT_EQ(seen<3>(Copies::late), (std::vector<std::uint32_t>{kPoison, kPoison, kPoison}));
  EXPECT_EQ(seen<1>(Copies::late), (std::vector<std::uint32_t>{4, 0, kPoison}));
  EXPECT_EQ(seen<0>(Copies::late), (std::vector<std::uint32_t>{4, 0, 12}));
}

__global__ void copy_to(int to, const void* from) {
  EASYLM_DYNAMIC_SHARED(unsigned char, shared);
  cp_async16(shared + to, from, true);
}

TEST(Copies, RefuseAddressesThatTheHardwareRefuses) {
  Global global;
  const auto copy_between = [&](int to, int from) {
    return [&global, to, from] {
      launch_kernel(copy_to, {1, 1, 64, nullptr}, to, reinterpret_cast<const char*>(&global) + from);
    };
  };
  EXPECT_EQ(fault_of(copy_between(48, 0), ""), std::nullopt);
  EXPECT_EQ(fault_of(copy_between(4, 0), "cp.async: an address that is no multiple of 16"),
            FaultKind::misalignment);
  EXPECT_EQ(fault_of(copy_between(0, 8), "cp.async: an address that is no multiple of 16"),
            FaultKind::misalignment);
  EXPECT_EQ(fault_of(copy_between(64, 0), "cp.async: 16 bytes that are not all"), FaultKind::out_of_range);
  EXPECT_EQ(fault_of(copy_between(-16, 0), "cp.async: 16 bytes that are not all"), FaultKind::out_of_range);
}

}  // namespace
}  // namespace easylm::emulation_test
