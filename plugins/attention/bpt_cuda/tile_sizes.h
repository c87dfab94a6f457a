// How much of a problem each kernel takes at once. docs/decisions/0011-cuda-tiles.md says why.
#pragma once

#include <cstddef>
#include <cstdint>

namespace easylm::bpt_cuda {

// Rows of a tile lie this many numbers apart. Eight numbers (16 bytes) are a chunk. ldmatrix reads the same
// chunk of eight rows at once, which must lie in eight different groups of banks: rows of a multiple of 64
// numbers permute their chunks, others are padded to an odd number of them.
template <int kWidth>
struct TileRow {
  static constexpr bool kPermuted = kWidth % 64 == 0;
  static constexpr int kPitch = kPermuted ? kWidth : kWidth + 8;
  static_assert(kPermuted || kPitch / 8 % 2 == 1);
};

constexpr std::size_t kNumberBytes = sizeof(std::uint16_t);

// The forward pass: queries stay, keys and values stream by in two buffers.
template <int kWidth>
struct ForwardTile {
  static constexpr int kThreads = 128;
  static constexpr int kRowTiles = kWidth <= 128 ? 2 : 1;  // of 16 queries, a warp
  static constexpr int kQueries = kRowTiles * 16 * kThreads / 32;
  static constexpr int kKeys = kWidth < 96 ? 64 : 32;
  static constexpr int kQueryNumbers = kQueries * TileRow<kWidth>::kPitch;
  static constexpr int kKeyNumbers = kKeys * TileRow<kWidth>::kPitch;
  static constexpr std::size_t kSharedBytes = (kQueryNumbers + 4 * kKeyNumbers) * kNumberBytes;
};

// The backward pass. dq: queries and d_o stay, keys and values stream. dk, dv: keys and values stay, queries
// and d_o stream.
template <int kWidth>
struct GradientTile {
  static constexpr int kThreads = 128;
  static constexpr int kFixed = 64;  // 16 a warp
  static constexpr int kStreamed = kWidth < 128 ? 64 : kWidth == 128 ? 32 : 16;
  static constexpr int kFixedNumbers = kFixed * TileRow<kWidth>::kPitch;
  static constexpr int kStreamedNumbers = kStreamed * TileRow<kWidth>::kPitch;
  static constexpr std::size_t kSharedBytes = (2 * kFixedNumbers + 4 * kStreamedNumbers) * kNumberBytes;
};

// What the forward pass left of a query.
struct QueryStatistics {
  float lse, delta;
};

template <int kWidth>
struct KeyTile : GradientTile<kWidth> {
  static constexpr int kSplit =
      kWidth <= 128 ? 1 : 2;  // warps that share 16 keys, with half of the columns each
  static constexpr int kColumns = kWidth / kSplit;
  static constexpr int kThreads = GradientTile<kWidth>::kThreads * kSplit;
  static constexpr int kQueries = GradientTile<kWidth>::kStreamed;
  static_assert(kQueries <= kThreads);  // a thread brings one query's statistics
  static constexpr std::size_t kSharedBytes =
      GradientTile<kWidth>::kSharedBytes + 2 * kQueries * sizeof(QueryStatistics);
};

// Decoding: a block's queries, and the keys that one of its warps takes at a time. Warps work by themselves,
// with two buffers each.
constexpr int kDecodeRows = 16;

template <int kWidth>
struct DecodeTile {
  // At 256 two warps' buffers are what the smaller GPUs give a block.
  static constexpr int kWarps = kWidth == 256 ? 2 : 4;
  static constexpr int kThreads = 32 * kWarps;
  static constexpr int kNumbers = kDecodeRows * TileRow<kWidth>::kPitch;  // of 16 queries, keys or values
  static constexpr int kWarpNumbers = 4 * kNumbers;                       // keys, values; keys, values
  static constexpr std::size_t kSharedBytes = (kNumbers + kWarps * kWarpNumbers) * kNumberBytes;
};

}  // namespace easylm::bpt_cuda
