// The innermost loops of attention, once per instruction set: products of tiles, and softmax between them.
// A block of scores has a row for each query and a column for each key, rows kRowStride words apart. A word
// is a float, or two bf16 numbers where the processor multiplies pairs of them.
#pragma once

#include <cstdint>

#include "easylm/tensor/gemm_kernel.h"

namespace easylm::bpt {

constexpr std::int64_t kMostKeys = 448;   // in a block of keys
constexpr std::int64_t kRowStride = 496;  // room for them; an odd number of cache lines
constexpr std::int64_t kSumLanes = 16;    // partial sums of a query's probabilities

// c[rows, panels · columns] from a[rows, words] and panels of b, each [words, columns] and `b_stride` floats
// after the one before.
struct Product {
  std::int64_t words;
  const float* a;
  std::int64_t a_stride;  // from one word to the next
  const float* b;
  std::int64_t b_stride, panels;
  float* c;
  std::int64_t c_stride;
};

// Online softmax of one tile of queries over one block of keys.
struct SoftmaxRows {
  float* scores;      // [rows, keys], before scaling
  float* weights;     // out, words: e^(score - shift); in place of the scores where a word is a float
  std::int64_t keys;  // a multiple of tile_columns
  float scale;        // to powers of two
  float* shifts;   // [rows], subtracted, in powers of two: about the highest score; -inf before the first key
  float* sums;     // [rows, kSumLanes]
  float* outputs;  // [rows, width], scaled anew where `shifts` rises
  std::int64_t width;
};

// Derivatives of one tile of queries over one block of keys. Where a word is a float, p and ds replace scores
// and dp; else they are written as words of two queries each, for sums over queries, and ds once more as
// words of two keys, for sums over keys.
struct GradientRows {
  float* scores;  // [rows, keys], before scaling
  float* dp;      // [rows, keys]
  std::int64_t keys;
  float scale;               // to powers of two
  const float *lse, *delta;  // [rows], lse in powers of two, +inf for a query that sees nothing
  float *p_pairs, *ds_pairs, *ds_rows;
};

struct TileKernel {
  // Of `a` the rows of a tile lie side by side, words a_stride apart.
  void (*multiply)(const Product& product);     // c = a · b
  void (*add_product)(const Product& product);  // c += a · b
  // Of `a` words lie side by side, rows kRowStride apart.
  void (*add_row_product)(const Product& product);  // c += a · b
  void (*softmax)(const SoftmaxRows& rows);
  void (*gradient)(const GradientRows& rows);
};

// REQUIRES: has_instructions(set).
const TileKernel& tile_kernel(InstructionSet set);

extern const TileKernel kPortableTiles;
#if defined(__x86_64__)
extern const TileKernel kAvx2Tiles, kAvx512Tiles, kAvx512Bf16Tiles;
#endif

}  // namespace easylm::bpt
