// Blocks that fit the caches, and a grid of them for the threads. Loops as in Goto and van de Geijn, "Anatomy
// of High-Performance Matrix Multiplication" (2008).
#include "gemm.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/gemm_kernel.h"
#include "easylm/tensor/simd.h"

namespace easylm {
namespace {

constexpr std::int64_t kMostTileNumbers = 512;

std::int64_t round_up(std::int64_t number, std::int64_t multiple) {
  return (number + multiple - 1) / multiple * multiple;
}

// The largest of equal parts of `size` that are at most `most`, a multiple of `unit`.
std::int64_t equal_part(std::int64_t size, std::int64_t most, std::int64_t unit) {
  const std::int64_t parts = std::max<std::int64_t>(1, (size + most - 1) / most);
  return round_up((size + parts - 1) / parts, unit);
}

PackPanels<float> pack_a(const GemmKernel& kernel, const float*) { return kernel.pack_a; }
PackPanels<float> pack_b(const GemmKernel& kernel, const float*) { return kernel.pack_b; }
PackPanels<c10::BFloat16> pack_a(const GemmKernel& kernel, const c10::BFloat16*) {
  return kernel.pack_a_bf16;
}
PackPanels<c10::BFloat16> pack_b(const GemmKernel& kernel, const c10::BFloat16*) {
  return kernel.pack_b_bf16;
}

const GemmKernel& kernel_for(const float*) { return gemm_kernel(); }
const GemmKernel& kernel_for(const c10::BFloat16*) { return bf16_gemm_kernel(); }

EASYLM_SIMD void narrow_row(const float* in, c10::BFloat16* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) narrow(in[i], out[i]);
}

// A tile of which only [rows, columns] exist.
void partial_tile(const GemmKernel& kernel, std::int64_t depth, const float* a, const float* b,
                  const GemmOutput<float>& c, std::int64_t rows, std::int64_t columns) {
  std::array<float, kMostTileNumbers> tile;
  kernel.tile(depth, a, b, kernel.tile_columns, tile.data(), kernel.tile_columns, false);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* from = tile.data() + i * kernel.tile_columns;
    float* to = c.data + i * c.row_stride;
    for (std::int64_t j = 0; j < columns; ++j) to[j] = c.accumulate ? to[j] + from[j] : from[j];
  }
}

// The product of a packed block of A and a packed block of B.
void multiply_blocks(const GemmKernel& kernel, const GemmSize& size, const float* a, const float* b,
                     const GemmOutput<float>& c) {
  for (std::int64_t column = 0; column < size.columns; column += kernel.tile_columns) {
    for (std::int64_t row = 0; row < size.rows; row += kernel.tile_rows) {
      const float *a_panel = a + row * size.depth, *b_panel = b + column * size.depth;
      const GemmOutput<float> out{c.data + row * c.row_stride + column, c.row_stride, c.accumulate};
      const std::int64_t rows = size.rows - row, columns = size.columns - column;
      if (rows >= kernel.tile_rows && columns >= kernel.tile_columns) {
        kernel.tile(size.depth, a_panel, b_panel, kernel.tile_columns, out.data, out.row_stride,
                    out.accumulate);
      } else {
        partial_tile(kernel, size.depth, a_panel, b_panel, out, std::min(rows, kernel.tile_rows),
                     std::min(columns, kernel.tile_columns));
      }
    }
  }
}

// The blocks of one thread's share, and the memory that they are packed into.
struct Blocks {
  std::int64_t depth, words, rows, columns;  // words: of `depth`
  float *a_panels, *b_panels;
};

// c = a · b over one block of columns, all of the depth.
template <typename T>
void multiply_columns(const GemmKernel& kernel, const GemmSize& size, const GemmOperand<T>& a,
                      const GemmOperand<T>& b, const GemmOutput<float>& c, const Blocks& blocks) {
  for (std::int64_t k = 0; k < size.depth; k += blocks.depth) {
    const std::int64_t num_k = std::min(blocks.depth, size.depth - k);
    const std::int64_t words = (num_k + kernel.numbers_per_word - 1) / kernel.numbers_per_word;
    pack_b(kernel, b.data)({b.data + k * b.row_stride, b.column_stride, b.row_stride, size.columns, num_k},
                           blocks.b_panels);
    for (std::int64_t row = 0; row < size.rows; row += blocks.rows) {
      const std::int64_t num_rows = std::min(blocks.rows, size.rows - row);
      const T* a_block = a.data + row * a.row_stride + k * a.column_stride;
      pack_a(kernel, a.data)({a_block, a.row_stride, a.column_stride, num_rows, num_k}, blocks.a_panels);
      multiply_blocks(kernel, {num_rows, size.columns, words}, blocks.a_panels, blocks.b_panels,
                      {c.data + row * c.row_stride, c.row_stride, c.accumulate || k > 0});
    }
  }
}

// One thread's share. What is to be bf16 is summed in a strip of floats, a block of columns at a time.
template <typename T, typename C>
void multiply_serial(const GemmKernel& kernel, const GemmSize& size, const GemmOperand<T>& a,
                     const GemmOperand<T>& b, const GemmOutput<C>& c) {
  constexpr bool kThroughStrip = !std::is_same_v<C, float>;
  Blocks blocks;
  blocks.depth = equal_part(size.depth, kernel.block_depth * kernel.numbers_per_word, 8);
  blocks.words = blocks.depth / kernel.numbers_per_word;
  blocks.rows = equal_part(size.rows, kernel.block_rows, kernel.tile_rows);
  blocks.columns = equal_part(size.columns, kernel.block_columns, kernel.tile_columns);
  const std::int64_t a_size = blocks.rows * blocks.words + kPackSlack;
  const std::int64_t b_size = blocks.columns * blocks.words + kPackSlack;
  const std::int64_t strip_size = kThroughStrip ? size.rows * blocks.columns : 0;
  const at::Tensor buffer = aten::empty({a_size + b_size + strip_size}, at::kFloat);
  blocks.a_panels = buffer.mutable_data_ptr<float>();
  blocks.b_panels = blocks.a_panels + a_size;
  float* strip = blocks.b_panels + b_size;
  for (std::int64_t column = 0; column < size.columns; column += blocks.columns) {
    const std::int64_t num_columns = std::min(blocks.columns, size.columns - column);
    const GemmSize part{size.rows, num_columns, size.depth};
    const GemmOperand<T> b_part{b.data + column * b.column_stride, b.row_stride, b.column_stride};
    if constexpr (kThroughStrip) {
      multiply_columns(kernel, part, a, b_part, {strip, num_columns, false}, blocks);
      for (std::int64_t row = 0; row < size.rows; ++row) {
        narrow_row(strip + row * num_columns, c.data + row * c.row_stride + column, num_columns);
      }
    } else {
      multiply_columns(kernel, part, a, b_part, {c.data + column, c.row_stride, c.accumulate}, blocks);
    }
  }
}

struct Grid {
  std::int64_t rows, columns;
};

// How `threads` share the output: each packs what it reads, so the fewest numbers packed.
Grid share(const GemmSize& size, std::int64_t threads) {
  Grid best{1, threads};
  double fewest = 0;
  for (std::int64_t rows = 1; rows <= threads; ++rows) {
    if (threads % rows != 0) continue;
    const Grid grid{rows, threads / rows};
    const double packed = static_cast<double>(size.rows) * static_cast<double>(grid.columns) +
                          static_cast<double>(size.columns) * static_cast<double>(grid.rows);
    if (fewest == 0 || packed < fewest) {
      fewest = packed;
      best = grid;
    }
  }
  return best;
}

}  // namespace

template <typename T, typename C>
void gemm(const GemmSize& size, const GemmOperand<T>& a, const GemmOperand<T>& b, const GemmOutput<C>& c) {
  const GemmKernel& kernel = kernel_for(a.data);
  const std::int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
  const Grid grid = share(size, threads);
  const std::int64_t rows = round_up((size.rows + grid.rows - 1) / grid.rows, kernel.tile_rows);
  const std::int64_t columns =
      round_up((size.columns + grid.columns - 1) / grid.columns, kernel.tile_columns);
  at::parallel_for(0, grid.rows * grid.columns, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t cell = first; cell < last; ++cell) {
      const std::int64_t row = cell / grid.columns * rows, column = cell % grid.columns * columns;
      const GemmSize part{std::min(rows, size.rows - row), std::min(columns, size.columns - column),
                          size.depth};
      if (part.rows <= 0 || part.columns <= 0) continue;
      multiply_serial<T, C>(kernel, part, {a.data + row * a.row_stride, a.row_stride, a.column_stride},
                            {b.data + column * b.column_stride, b.row_stride, b.column_stride},
                            {c.data + row * c.row_stride + column, c.row_stride, c.accumulate});
    }
  });
}

template void gemm(const GemmSize&, const GemmOperand<float>&, const GemmOperand<float>&,
                   const GemmOutput<float>&);
template void gemm(const GemmSize&, const GemmOperand<c10::BFloat16>&, const GemmOperand<c10::BFloat16>&,
                   const GemmOutput<float>&);
template void gemm(const GemmSize&, const GemmOperand<c10::BFloat16>&, const GemmOperand<c10::BFloat16>&,
                   const GemmOutput<c10::BFloat16>&);

}  // namespace easylm
