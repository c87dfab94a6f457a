// One head of queries, keys or values as it lies in memory, and packed for products of tiles.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "blocking.h"
#include "buffer.h"
#include "mask.h"

namespace easylm::bpt {

// Rows [token, head_dim] of one head, fp32, bf16 or fp16; the numbers of a token lie side by side.
struct Rows {
  at::ScalarType dtype;
  char* data;
  std::int64_t stride;  // bytes from one token to the next

  char* at(std::int64_t token) const { return data + token * stride; }
};

// Head `head` of row `row` of x_BTNH.
Rows rows_of(const at::Tensor& x_BTNH, std::int64_t row, std::int64_t head);

enum class Factor { first, second };

// Packs rows of one dtype, at most `most_tokens` at once. It allocates when it is made and never after: a
// thread that others wait for must not fail. Not for two threads at once.
class Packer {
 public:
  Packer(const Blocking& blocking, at::ScalarType dtype, std::int64_t most_tokens);

  // Panels of tokens for a product over the width: [words, rows] as the first factor, [words, columns] as the
  // second.
  void pack_by_token(Factor factor, const Rows& rows, Span tokens, float* panels);
  // Panels [words of tokens, columns] over the width, as the second factor of a product over tokens; each
  // `panel_stride` floats after the one before.
  void pack_widths(const Rows& rows, Span tokens, float* panels, std::int64_t panel_stride);

 private:
  // The tokens that begin at `data`, in a dtype that a product can be packed from.
  struct Packable {
    at::ScalarType dtype;
    const char* data;
    std::int64_t stride;  // numbers from one token to the next
  };
  Packable packable(const Rows& rows, Span tokens);

  const Blocking& blocking_;
  Buffer wide_;  // of fp16
};

// The whole panels of keys that hold those of `reach` which are in `block`.
Span whole_panels(const Blocking& blocking, Span reach, Span block);

// Writes `count` numbers times `factor` to the row of one token.
void store_row(const float* numbers, std::int64_t count, float factor, at::ScalarType dtype, void* row);

// The inner product of two rows of `count` numbers.
float dot(const void* x, const void* y, std::int64_t count, at::ScalarType dtype);

}  // namespace easylm::bpt
