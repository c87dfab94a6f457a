// Elements that lie in another order than they are read: transposed, permuted, cut out of something larger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// Where the elements of a tensor lie. Element (i, j, …) is number first + i * strides[0] + j * strides[1] + …
struct Strided {
  std::int64_t element_bytes = 1;
  std::vector<std::int64_t> shape, strides;  // as many of one as of the other
  std::int64_t first = 0;

  // Elements from number 0 to the last that is used; 0 for a tensor of none. Throws Error{corrupt} for
  // something negative or an overflow.
  EASYLM_API std::int64_t extent() const;

  // Whether the elements follow each other in the order in which they are read.
  EASYLM_API bool is_contiguous() const;
};

// `shape` in row-major order, and a matrix with rows and columns exchanged. REQUIRES: nothing negative; two
// dimensions.
EASYLM_API Strided row_major(std::int64_t element_bytes, std::vector<std::int64_t> shape);
EASYLM_API Strided transposed(const Strided& matrix);

// The rows of a matrix in another order, head by head: those of an interleaved query or key weight in halves
// (easylm/rotary_layout.h). REQUIRES: two dimensions; `head_width` is even and divides the number of rows.
EASYLM_API Strided in_halves(const Strided& interleaved, std::int64_t head_width);

// Elements that are cut into parts of `part_bytes` each, the last one shorter; whole elements in each.
struct ElementParts {
  std::vector<std::span<const std::byte>> parts;
  std::int64_t part_bytes = 0;
};

// Copies bytes [offset, offset + into.size()) of the row-major order. REQUIRES: layout.extent() elements are
// there, and the bytes belong to the tensor. [any-thread]
EASYLM_API void gather(const Strided& layout, std::span<const std::byte> from, std::int64_t offset,
                       std::span<std::byte> into);
EASYLM_API void gather(const Strided& layout, const ElementParts& from, std::int64_t offset,
                       std::span<std::byte> into);

// The other way: puts `data`, which begins at `offset` of the row-major order, where its elements belong.
EASYLM_API void scatter(const Strided& layout, std::span<const std::byte> data, std::int64_t offset,
                        std::span<std::byte> into);

}  // namespace easylm
