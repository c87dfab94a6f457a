// Products of a warpgroup: descriptors are decoded, operands read when the instruction is performed.
#include "cuda_emulation/emulation/warpgroup.h"

#include <cstring>
#include <string>
#include <utility>

#include "cuda_emulation/emulation/block.h"
#include "cuda_emulation/emulation/tensor_map.h"

namespace easylm::emulation {
namespace {

constexpr unsigned kRows = 64;
constexpr unsigned kInner = 16;

// A matrix in shared memory as a 64-bit descriptor tells it (PTX ISA, "Matrix Descriptor Format"), for 16-bit
// elements.
class SharedMatrix {
 public:
  SharedMatrix(std::uint64_t descriptor, Major major)
      : start_(field(descriptor, 0)),
        leading_(field(descriptor, 16)),
        stride_(field(descriptor, 32)),
        major_(major) {
    constexpr std::array<std::uint32_t, 4> kSwizzleBytes = {0, 128, 64, 32};
    swizzle_ = kSwizzleBytes[descriptor >> 62];
    if ((descriptor >> 49 & 7) != 0)
      fail(FaultKind::misuse, "wgmma: a base offset other than 0 is not emulated");
    constexpr std::uint64_t kUsed = 0xC00E3FFF3FFF3FFF;
    if ((descriptor & ~kUsed) != 0)
      fail(FaultKind::misuse, "wgmma: a descriptor with bits set that must be 0");
  }

  // Element (mn, k), where mn counts rows of a or columns of b.
  std::uint16_t at(unsigned mn, unsigned k) const {
    const std::uint32_t address = swizzled(start_ + offset(mn, k), swizzle_);
    const std::byte* pointer = current_block().shared().pointer_to(address);
    require_shared("wgmma", pointer, sizeof(std::uint16_t));
    std::uint16_t bits = 0;
    std::memcpy(&bits, pointer, sizeof(bits));
    return bits;
  }

 private:
  static std::uint32_t field(std::uint64_t descriptor, unsigned shift) {
    return static_cast<std::uint32_t>(descriptor >> shift & 0x3FFF) << 4;
  }

  // The PTX ISA's "Canonical Layouts", in bytes. Core matrices have 8 rows of 16 bytes.
  std::uint32_t offset(unsigned mn, unsigned k) const {
    if (swizzle_ == 0 && major_ == Major::k)
      return mn % 8 * 16 + mn / 8 * stride_ + k / 8 * leading_ + k % 8 * 2;
    if (swizzle_ == 0) return mn % 8 * 2 + mn / 8 * stride_ + k % 8 * 16 + k / 8 * leading_;
    if (major_ == Major::k) return mn % 8 * swizzle_ + mn / 8 * stride_ + k * 2;
    const unsigned columns = swizzle_ / 2;
    return mn % columns * 2 + mn / columns * leading_ + k % 8 * swizzle_ + k / 8 * stride_;
  }

  std::uint32_t start_, leading_, stride_, swizzle_;
  Major major_;
};

using LeftMatrix = std::array<std::array<float, kInner>, kRows>;

void read_registers(const Wgmma& wgmma, LeftMatrix& a) {
  for (unsigned lane = 0; lane < kWarpgroupLanes; ++lane) {
    for (unsigned i = 0; i < 8; ++i) {
      const std::uint32_t pair = wgmma.lanes[lane].a[i / 2];
      const unsigned row = lane / 32 * 16 + lane % 32 / 4 + i / 2 % 2 * 8;
      a[row][lane % 4 * 2 + i % 2 + i / 4 * 8] = wgmma.value(static_cast<std::uint16_t>(pair >> i % 2 * 16));
    }
  }
}

void read_shared(const Wgmma& wgmma, LeftMatrix& a) {
  const SharedMatrix matrix(wgmma.lanes[0].a_descriptor, Major::k);
  for (unsigned row = 0; row < kRows; ++row) {
    for (unsigned k = 0; k < kInner; ++k) a[row][k] = wgmma.value(matrix.at(row, k));
  }
}

}  // namespace

// Sums are taken in fp64 and rounded once, as for mma.sync.
void Wgmma::perform() const {
  const WgmmaOperands& all = lanes[0];
  LeftMatrix a;
  if (all.a != nullptr) {
    read_registers(*this, a);
  } else {
    read_shared(*this, a);
  }
  const SharedMatrix matrix(all.b_descriptor, all.b_major);
  std::vector<std::array<float, kInner>> b(all.columns);
  for (unsigned column = 0; column < all.columns; ++column) {
    for (unsigned k = 0; k < kInner; ++k) b[column][k] = value(matrix.at(column, k));
  }
  for (unsigned lane = 0; lane < kWarpgroupLanes; ++lane) {
    for (unsigned i = 0; i < all.columns / 2; ++i) {
      const auto& row = a[lane / 32 * 16 + lane % 32 / 4 + i % 4 / 2 * 8];
      const auto& column = b[i / 4 * 8 + lane % 4 * 2 + i % 2];
      double sum = all.adds ? double{lanes[lane].d[i]} : 0.0;
      for (unsigned k = 0; k < kInner; ++k) sum += double{row[k]} * double{column[k]};
      lanes[lane].d[i] = static_cast<float>(sum);
    }
  }
}

Warpgroup& current_warpgroup() { return current_block().warpgroup_of(current_thread()); }

void Warpgroup::join(std::string_view instruction, void* brought, Collective::Complete complete) {
  if (group_.lanes().size() != kWarpgroupLanes) {
    fail(FaultKind::misuse, std::string(instruction) + " in a warpgroup with too few lanes");
  }
  group_.join(~0U, instruction, brought, complete);
}

void Warpgroup::multiply(WgmmaOperands& mine, float (*value)(std::uint16_t)) {
  if (value == value_of_bits<__half>) {
    join("wgmma.mma_async.f16", &mine,
         [](std::span<void* const> lanes) { current_warpgroup().issue(lanes, value_of_bits<__half>); });
  } else {
    join("wgmma.mma_async.bf16", &mine, [](std::span<void* const> lanes) {
      current_warpgroup().issue(lanes, value_of_bits<__nv_bfloat16>);
    });
  }
}

void Warpgroup::issue(std::span<void* const> lanes, float (*value)(std::uint16_t)) {
  if (!fenced_) fail(FaultKind::misuse, "wgmma.mma_async without wgmma.fence since registers were last used");
  Wgmma wgmma{{}, value};
  for (unsigned lane = 0; lane < kWarpgroupLanes; ++lane) {
    const auto& mine = *static_cast<const WgmmaOperands*>(lanes[lane]);
    const WgmmaOperands& first = lane == 0 ? mine : wgmma.lanes[0];
    if (mine.a_descriptor != first.a_descriptor || mine.b_descriptor != first.b_descriptor ||
        mine.adds != first.adds) {
      fail(FaultKind::divergence, "wgmma.mma_async with descriptors that differ between lanes");
    }
    wgmma.lanes[lane] = mine;
  }
  if (current_block().schedule().copies == Copies::early) {
    wgmma.perform();
  } else {
    open_.push_back(wgmma);
  }
}

void Warpgroup::fence() {
  join("wgmma.fence", this, [](std::span<void* const>) { current_warpgroup().fenced_ = true; });
}

void Warpgroup::commit() {
  join("wgmma.commit_group", this, [](std::span<void* const>) {
    Warpgroup& group = current_warpgroup();
    group.groups_.push_back(std::exchange(group.open_, {}));
  });
}

void Warpgroup::wait(std::size_t num_groups) {
  join("wgmma.wait_group", &num_groups, [](std::span<void* const> lanes) {
    Warpgroup& group = current_warpgroup();
    group.fenced_ = false;
    const std::size_t allowed = *static_cast<const std::size_t*>(lanes.front());
    for (; group.groups_.size() > allowed; group.groups_.pop_front()) {
      for (const Wgmma& wgmma : group.groups_.front()) wgmma.perform();
    }
  });
}

void Warpgroup::set_registers(unsigned count) {
  if (count < 24 || count > 256 || count % 8 != 0) {
    fail(FaultKind::misuse, "setmaxnreg " + std::to_string(count));
  }
  join("setmaxnreg", this, [](std::span<void* const>) {});
}

}  // namespace easylm::emulation
