// Block sizes from cache sizes: docs/decisions/0009-tile-sizes-on-the-cpu.md.
#include "blocking.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>

namespace easylm::bpt {
namespace {

constexpr std::int64_t kFirstLevel = 32 << 10, kSecondLevel = 512 << 10;  // where the system doesn't know
constexpr std::int64_t kFloat = sizeof(float);

InstructionSet instructions_for(at::ScalarType dtype, const Options& options) {
  if (options.instructions) return *options.instructions;
  return dtype == at::kBFloat16 ? best_bf16_instructions() : best_instructions();
}

// A tile's scores fill half of the first-level cache.
std::int64_t keys_for(const Blocking& blocking, const BlockSizes& sizes) {
  const std::int64_t fitting = cache_sizes().first_level / 2 / (blocking.rows * kFloat);
  const std::int64_t wanted =
      sizes.keys > 0 ? round_up(sizes.keys, blocking.unit) : fitting / blocking.unit * blocking.unit;
  return std::clamp(wanted, blocking.unit, kMostKeys / blocking.unit * blocking.unit);
}

// Queries and output gradients, packed twice each, and the sums fill a quarter of the second-level cache.
std::int64_t queries_for(const Blocking& blocking, const BlockSizes& sizes) {
  if (sizes.queries > 0) return round_up(sizes.queries, blocking.rows);
  const std::int64_t of_a_query = (4 * blocking.words + blocking.width) * kFloat;
  const std::int64_t fitting = cache_sizes().second_level / 4 / of_a_query;
  return std::max<std::int64_t>(1, fitting / blocking.rows) * blocking.rows;
}

}  // namespace

CacheSizes cache_sizes() {
  static const CacheSizes sizes = [] {
    const std::int64_t first = ::sysconf(_SC_LEVEL1_DCACHE_SIZE), second = ::sysconf(_SC_LEVEL2_CACHE_SIZE);
    return CacheSizes{first > 0 ? first : kFirstLevel, second > 0 ? second : kSecondLevel};
  }();
  return sizes;
}

Blocking::Blocking(std::int64_t of_head, at::ScalarType dtype, const Options& options)
    : gemm(gemm_kernel(instructions_for(dtype, options))),
      tiles(tile_kernel(instructions_for(dtype, options))),
      rows(gemm.tile_rows),
      columns(gemm.tile_columns),
      numbers_per_word(gemm.numbers_per_word),
      head_dim(of_head),
      width(round_up(of_head, columns)),
      words((of_head + numbers_per_word - 1) / numbers_per_word),
      unit(std::lcm(rows, columns)) {
  keys = keys_for(*this, options.sizes);
  queries = queries_for(*this, options.sizes);
}

}  // namespace easylm::bpt
