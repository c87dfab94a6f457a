// Walks over strided elements in row-major order, several rows at a time where columns lie together.
#include "easylm/strided.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "easylm/error.h"

namespace easylm {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(ErrorCode::corrupt, "a tensor's layout " + reason, "the file is damaged: get it again");
}

std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) refuse("reaches further than there can be elements");
  return product;
}

// Rows that are copied together: a transposed matrix is then read by cache lines, not by single elements.
constexpr std::int64_t kMostRows = 32;

struct Rows {
  std::array<std::int64_t, kMostRows> first{};  // element numbers
  std::int64_t count = 0;
  std::int64_t columns = 0, stride = 0;
};

// Calls take(rows, element) for elements [begin, end) of the row-major order, `element` being the first of
// them.
template <typename Take>
void walk(const Strided& layout, std::int64_t begin, std::int64_t end, Take take) {
  const std::size_t outer = layout.shape.empty() ? 0 : layout.shape.size() - 1;
  const std::int64_t columns = layout.shape.empty() ? 1 : layout.shape.back();
  const std::int64_t stride = layout.strides.empty() ? 1 : layout.strides.back();
  const auto row_first = [&](std::int64_t row) {
    std::int64_t first = layout.first;
    for (std::size_t d = outer; d-- > 0;) {
      first += row % layout.shape[d] * layout.strides[d];
      row /= layout.shape[d];
    }
    return first;
  };
  while (begin < end) {
    const std::int64_t row = begin / columns, column = begin % columns;
    Rows rows{.columns = std::min(columns - column, end - begin), .stride = stride};
    const std::int64_t most = column == 0 ? std::min(kMostRows, (end - begin) / columns) : 1;
    do {
      rows.first[static_cast<std::size_t>(rows.count)] = row_first(row + rows.count) + column * stride;
      ++rows.count;
    } while (rows.count < most);
    take(rows, begin);
    begin += rows.count * rows.columns;
  }
}

// copy(number, place, count): `count` elements between number `number` of the layout and place `place` of the
// rows.
template <typename Copy>
void copy_rows(const Rows& rows, Copy copy) {
  if (rows.stride == 1) {
    for (std::int64_t r = 0; r < rows.count; ++r) {
      copy(rows.first[static_cast<std::size_t>(r)], r * rows.columns, rows.columns);
    }
    return;
  }
  for (std::int64_t column = 0; column < rows.columns; ++column) {
    for (std::int64_t r = 0; r < rows.count; ++r) {
      copy(rows.first[static_cast<std::size_t>(r)] + column * rows.stride, r * rows.columns + column, 1);
    }
  }
}

// Calls body(size) with the size as a constant, so that copies of one element become single instructions.
template <typename Body>
void with_element_size(std::int64_t bytes, Body body) {
  switch (bytes) {
    case 1:
      return body(std::integral_constant<std::int64_t, 1>());
    case 2:
      return body(std::integral_constant<std::int64_t, 2>());
    case 4:
      return body(std::integral_constant<std::int64_t, 4>());
    case 8:
      return body(std::integral_constant<std::int64_t, 8>());
    default:
      EASYLM_CHECK(false, "elements have 1, 2, 4 or 8 bytes");
  }
}

// Rows whose columns lie apart go through a square that fits the nearest cache: going straight would touch as
// many lines as there are rows for each column, often all of one cache set.
constexpr std::int64_t kTileColumns = 32;
template <std::int64_t kSize>
using Tile = std::array<std::byte, static_cast<std::size_t>(kMostRows* kTileColumns* kSize)>;

// Calls body(first column, columns) for each tile of the rows.
template <typename Body>
void for_tiles(const Rows& rows, Body body) {
  for (std::int64_t column = 0; column < rows.columns; column += kTileColumns) {
    body(column, std::min(kTileColumns, rows.columns - column));
  }
}

// Calls move(offset in `stored`, offset in the tile) for each element of a tile, those together that lie
// together in `stored`.
template <std::int64_t kSize, typename Move>
void for_elements(const Rows& rows, std::int64_t column, std::int64_t columns, Move move) {
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = 0; r < rows.count; ++r) {
      move((rows.first[static_cast<std::size_t>(r)] + (column + c) * rows.stride) * kSize,
           (r * kTileColumns + c) * kSize);
    }
  }
}

template <std::int64_t kSize>
void gather_rows(const Rows& rows, const std::byte* stored, std::byte* ordered) {
  if (rows.stride == 1) {
    copy_rows(rows, [&](std::int64_t number, std::int64_t place, std::int64_t count) {
      std::memcpy(ordered + place * kSize, stored + number * kSize, static_cast<std::size_t>(count * kSize));
    });
    return;
  }
  Tile<kSize> tile;
  for_tiles(rows, [&](std::int64_t column, std::int64_t columns) {
    for_elements<kSize>(rows, column, columns, [&](std::int64_t from, std::int64_t to) {
      std::memcpy(tile.data() + to, stored + from, static_cast<std::size_t>(kSize));
    });
    for (std::int64_t r = 0; r < rows.count; ++r) {
      std::memcpy(ordered + (r * rows.columns + column) * kSize, tile.data() + r * kTileColumns * kSize,
                  static_cast<std::size_t>(columns * kSize));
    }
  });
}

template <std::int64_t kSize>
void scatter_rows(const Rows& rows, const std::byte* ordered, std::byte* stored) {
  if (rows.stride == 1) {
    copy_rows(rows, [&](std::int64_t number, std::int64_t place, std::int64_t count) {
      std::memcpy(stored + number * kSize, ordered + place * kSize, static_cast<std::size_t>(count * kSize));
    });
    return;
  }
  Tile<kSize> tile;
  for_tiles(rows, [&](std::int64_t column, std::int64_t columns) {
    for (std::int64_t r = 0; r < rows.count; ++r) {
      std::memcpy(tile.data() + r * kTileColumns * kSize, ordered + (r * rows.columns + column) * kSize,
                  static_cast<std::size_t>(columns * kSize));
    }
    for_elements<kSize>(rows, column, columns, [&](std::int64_t to, std::int64_t from) {
      std::memcpy(stored + to, tile.data() + from, static_cast<std::size_t>(kSize));
    });
  });
}

// The bytes of whole elements, and those of elements that are cut by the ends of a slice.
struct Slice {
  std::int64_t begin = 0, end = 0;  // whole elements
  std::int64_t head = 0, tail = 0;  // bytes before and after them
};

Slice slice_of(std::int64_t element_bytes, std::int64_t offset, std::int64_t size) {
  const std::int64_t first_whole = (offset + element_bytes - 1) / element_bytes;
  if (first_whole * element_bytes >= offset + size) return {first_whole, first_whole, size, 0};
  Slice slice{first_whole, (offset + size) / element_bytes, 0, 0};
  slice.head = first_whole * element_bytes - offset;
  slice.tail = offset + size - slice.end * element_bytes;
  return slice;
}

// Calls copy(number, byte of the element, byte of the slice, bytes) for what cuts elements.
template <typename Copy>
void copy_ends(const Strided& layout, std::int64_t offset, std::int64_t size, Copy copy) {
  const std::int64_t bytes = layout.element_bytes;
  const Slice slice = slice_of(bytes, offset, size);
  const auto one = [&](std::int64_t element, std::int64_t in_element, std::int64_t at, std::int64_t count) {
    walk(layout, element, element + 1,
         [&](const Rows& rows, std::int64_t) { copy(rows.first[0], in_element, at, count); });
  };
  if (slice.head > 0) one(offset / bytes, offset % bytes, 0, slice.head);
  if (slice.tail > 0) one(slice.end, 0, size - slice.tail, slice.tail);
}

}  // namespace

std::int64_t Strided::extent() const {
  EASYLM_CHECK(shape.size() == strides.size(), "a stride for each dimension");
  if (first < 0) refuse("begins before its bytes");
  bool is_empty = false;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] < 0 || strides[d] < 0) refuse("has a negative dimension or stride");
    is_empty = is_empty || shape[d] == 0;
  }
  if (is_empty) return 0;
  std::int64_t last = first;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (__builtin_add_overflow(last, checked_product(shape[d] - 1, strides[d]), &last)) {
      refuse("reaches further than there can be elements");
    }
  }
  if (__builtin_add_overflow(last, 1, &last)) refuse("reaches further than there can be elements");
  return last;
}

bool Strided::is_contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

Strided row_major(std::int64_t element_bytes, std::vector<std::int64_t> shape) {
  Strided layout{element_bytes, std::move(shape), {}, 0};
  layout.strides.resize(layout.shape.size());
  std::int64_t stride = 1;
  for (std::size_t d = layout.shape.size(); d-- > 0;) {
    layout.strides[d] = stride;
    stride = checked_product(stride, layout.shape[d]);
  }
  return layout;
}

Strided transposed(const Strided& matrix) {
  EASYLM_CHECK(matrix.shape.size() == 2, "only a matrix can be transposed");
  Strided result = matrix;
  std::swap(result.shape[0], result.shape[1]);
  std::swap(result.strides[0], result.strides[1]);
  return result;
}

Strided in_halves(const Strided& interleaved, std::int64_t head_width) {
  EASYLM_CHECK(interleaved.shape.size() == 2 && head_width > 0 && head_width % 2 == 0 &&
                   interleaved.shape[0] % head_width == 0,
               "rows that are no whole heads can't be put in halves");
  const std::int64_t row = interleaved.strides[0];
  return {interleaved.element_bytes,
          {interleaved.shape[0] / head_width, 2, head_width / 2, interleaved.shape[1]},
          {head_width * row, row, 2 * row, interleaved.strides[1]},
          interleaved.first};
}

void gather(const Strided& layout, std::span<const std::byte> from, std::int64_t offset,
            std::span<std::byte> into) {
  const auto size = static_cast<std::int64_t>(into.size());
  const Slice slice = slice_of(layout.element_bytes, offset, size);
  with_element_size(layout.element_bytes, [&](auto element_size) {
    constexpr std::int64_t kSize = decltype(element_size)::value;
    walk(layout, slice.begin, slice.end, [&](const Rows& rows, std::int64_t element) {
      gather_rows<kSize>(rows, from.data(), into.data() + (element * kSize - offset));
    });
  });
  copy_ends(layout, offset, size,
            [&](std::int64_t number, std::int64_t in_element, std::int64_t at, std::int64_t count) {
              std::memcpy(into.data() + at, from.data() + number * layout.element_bytes + in_element,
                          static_cast<std::size_t>(count));
            });
}

void gather(const Strided& layout, const ElementParts& from, std::int64_t offset, std::span<std::byte> into) {
  if (from.parts.size() == 1) return gather(layout, from.parts.front(), offset, into);
  const std::int64_t bytes = layout.element_bytes;
  const auto size = static_cast<std::int64_t>(into.size());
  const Slice slice = slice_of(bytes, offset, size);
  // Byte by byte position in the parts; runs are cut where a part ends.
  const auto copy_run = [&](std::int64_t position, std::int64_t at, std::int64_t count) {
    while (count > 0) {
      const std::int64_t in_part = position % from.part_bytes;
      const std::int64_t now = std::min(count, from.part_bytes - in_part);
      const auto part = from.parts[static_cast<std::size_t>(position / from.part_bytes)];
      std::memcpy(into.data() + at, part.data() + in_part, static_cast<std::size_t>(now));
      position += now;
      at += now;
      count -= now;
    }
  };
  walk(layout, slice.begin, slice.end, [&](const Rows& rows, std::int64_t element) {
    copy_rows(rows, [&](std::int64_t number, std::int64_t place, std::int64_t count) {
      copy_run(number * bytes, (element + place) * bytes - offset, count * bytes);
    });
  });
  copy_ends(layout, offset, size,
            [&](std::int64_t number, std::int64_t in_element, std::int64_t at, std::int64_t count) {
              copy_run(number * bytes + in_element, at, count);
            });
}

void scatter(const Strided& layout, std::span<const std::byte> data, std::int64_t offset,
             std::span<std::byte> into) {
  const auto size = static_cast<std::int64_t>(data.size());
  const Slice slice = slice_of(layout.element_bytes, offset, size);
  with_element_size(layout.element_bytes, [&](auto element_size) {
    constexpr std::int64_t kSize = decltype(element_size)::value;
    walk(layout, slice.begin, slice.end, [&](const Rows& rows, std::int64_t element) {
      scatter_rows<kSize>(rows, data.data() + (element * kSize - offset), into.data());
    });
  });
  copy_ends(layout, offset, size,
            [&](std::int64_t number, std::int64_t in_element, std::int64_t at, std::int64_t count) {
              std::memcpy(into.data() + number * layout.element_bytes + in_element, data.data() + at,
                          static_cast<std::size_t>(count));
            });
}

}  // namespace easylm
