// One head of queries, keys or values as it lies in memory, and packed for tile products.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>

#include <cstdint>

#include "easylm/tensor/gemm_kernel.h"
#include "mask.h"

namespace easylm::bpt {

// A block of scores is [keys, queries]; products of keys and queries use the kernel's tiles of
// [tile_rows, tile_columns], so a panel is as many queries as a tile has columns.
struct Blocking {
  const GemmKernel& kernel;
  std::int64_t head_dim;
  std::int64_t panel;           // queries in a panel
  std::int64_t panels;          // panels in a block of queries
  std::int64_t block_keys;      // keys in a block, a multiple of tile_rows
  std::int64_t padded_rows;     // head_dim rounded up to tile_rows
  std::int64_t padded_columns;  // head_dim rounded up to tile_columns

  explicit Blocking(std::int64_t width);
  std::int64_t block_queries() const { return panel * panels; }
};

// Rows [token, head_dim] of one head; the numbers of a token lie side by side.
template <typename T>
struct Rows {
  const T* data;
  std::int64_t stride;
  const T* at(std::int64_t token) const { return data + token * stride; }
};

// Head `head` of row `row` of x_BTNH.
template <typename T>
Rows<T> rows_of(const at::Tensor& x_BTNH, std::int64_t row, std::int64_t head) {
  return {x_BTNH.const_data_ptr<T>() + row * x_BTNH.stride(0) + head * x_BTNH.stride(2), x_BTNH.stride(1)};
}

// As panels of tile_columns: lines are tokens [head_dim, panel], or the head's numbers [tokens,
// tile_columns].
void pack_tokens(const Blocking& blocking, const Rows<float>& rows, Span tokens, float* panels);
void pack_tokens(const Blocking& blocking, const Rows<c10::BFloat16>& rows, Span tokens, float* panels);
void pack_widths(const Blocking& blocking, const Rows<float>& rows, Span tokens, float* panels);
void pack_widths(const Blocking& blocking, const Rows<c10::BFloat16>& rows, Span tokens, float* panels);

// Panels of one block: panel h begins at data + h · depth, for h a multiple of tile_rows.
struct PanelBlock {
  const float* data;
  std::int64_t depth;
};

// All heads of keys or values as panels of tile_rows, packed once and read by every block of queries.
class PackedHeads {
 public:
  // by_token: lines are tokens, for products over the width. by_width: lines are the head's numbers, for
  // products over the tokens of a block.
  enum class Lines { by_token, by_width };

  PackedHeads(const Blocking& blocking, const at::Tensor& x_BSKH, Lines lines);

  // The panels of the block that starts at token `begin`, a multiple of block_keys.
  const float* block(std::int64_t row, std::int64_t head, std::int64_t begin) const;

 private:
  template <typename T>
  void pack(const Blocking& blocking, const at::Tensor& x_BSKH, Lines lines);

  std::int64_t heads_, numbers_a_token_, stride_;
  at::Tensor panels_;
};

}  // namespace easylm::bpt
