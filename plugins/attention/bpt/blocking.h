// Which instructions a call uses, and how many queries and keys make a block.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>

#include "easylm/tensor/gemm_kernel.h"
#include "tiles.h"

namespace easylm::bpt {

// 0: by the sizes of the caches. Others are rounded up to whole tiles, but keys to at most kMostKeys.
struct BlockSizes {
  std::int64_t queries = 0, keys = 0;
};

struct Options {
  BlockSizes sizes = {};
  std::optional<InstructionSet> instructions = {};  // none: the best for the processor and the dtype
};

struct CacheSizes {
  std::int64_t first_level, second_level;  // bytes
};
CacheSizes cache_sizes();

struct Blocking {
  const GemmKernel& gemm;  // packs; its tiles are as large as those of `tiles`
  const TileKernel& tiles;
  std::int64_t rows, columns;     // of a tile
  std::int64_t numbers_per_word;  // in packed panels and in probabilities
  std::int64_t head_dim;
  std::int64_t width;    // head_dim rounded up to whole columns
  std::int64_t words;    // of head_dim numbers
  std::int64_t queries;  // in a block, a multiple of rows
  std::int64_t unit;     // of keys: whole rows and whole columns
  std::int64_t keys;     // in a block, a multiple of unit

  Blocking(std::int64_t head_dim, at::ScalarType dtype, const Options& options);

  bool has_pairs() const { return numbers_per_word == 2; }
};

inline std::int64_t round_up(std::int64_t number, std::int64_t unit) {
  return (number + unit - 1) / unit * unit;
}

}  // namespace easylm::bpt
