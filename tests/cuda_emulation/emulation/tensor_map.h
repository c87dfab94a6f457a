// Tiles of a tensor in global memory, as the tensor memory accelerator copies them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace easylm::emulation {

// What the emulation keeps in a CUtensorMap. Elements have 16 bits.
struct TensorMap {
  static constexpr unsigned kMaxRank = 5;

  std::uint64_t mark;
  const std::byte* data;
  std::uint32_t rank;
  std::uint32_t swizzle_bytes;                     // 0: none
  std::array<std::uint32_t, kMaxRank> size;        // in elements, innermost first
  std::array<std::uint64_t, kMaxRank - 1> stride;  // in bytes, of all but the innermost
  std::array<std::uint16_t, kMaxRank> box;         // a tile's size
};

// The address at which 128-, 64- or 32-byte swizzling keeps what lies at `address` without it.
std::uint32_t swizzled(std::uint32_t address, std::uint32_t swizzle_bytes);

// Starts copying the tile at `coordinates` (one for each of `rank` dimensions) to shared memory; zeros for
// what lies outside the tensor. Its bytes are counted at `barrier` when they have landed.
struct TileCopy {
  void* shared;
  const void* map;  // a CUtensorMap
  std::array<int, TensorMap::kMaxRank> coordinates;
  unsigned rank;
  std::uint64_t* barrier;
};
void load_tile(const TileCopy& copy);

inline constexpr std::uint64_t kTensorMapMark = 0x454153594C4D544D;

}  // namespace easylm::emulation
