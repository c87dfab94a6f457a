// Tensors in slices of whole rows, so that what reads one needs memory for a slice alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "easylm/checkpoint_format.h"

namespace easylm {

// Elements [begin, begin + count) of a tensor, row-major.
struct Slice {
  std::int64_t begin = 0, count = 0;
};

inline constexpr std::int64_t kSliceBytes = std::int64_t{8} << 20U;

// Elements of a slice: whole rows as long as one fits into kSliceBytes.
inline std::int64_t slice_elements(const TensorInfo& tensor) {
  const std::int64_t most = kSliceBytes / size_of(tensor.dtype);
  const std::int64_t row = tensor.shape.empty() ? 1 : std::max<std::int64_t>(1, tensor.shape.back());
  return row > most ? most : most / row * row;
}

inline std::int64_t num_elements(const TensorInfo& tensor) {
  return tensor.num_bytes() / size_of(tensor.dtype);
}

// Calls visit(slice), first to last; never for a tensor without elements.
template <typename Visit>
void for_each_slice(const TensorInfo& tensor, Visit&& visit) {
  const std::int64_t all = num_elements(tensor), step = slice_elements(tensor);
  for (std::int64_t at = 0; at < all; at += step) visit(Slice{at, std::min(step, all - at)});
}

// Memory for the bytes of one slice, used again and again.
class SliceBuffer {
 public:
  // Valid until the next call.
  std::span<const std::byte> read(const TensorReader& reader, std::size_t index, const Slice& slice) {
    const auto size = static_cast<std::size_t>(size_of(reader.tensors()[index].dtype));
    bytes_.resize(static_cast<std::size_t>(slice.count) * size);
    reader.read(index, slice.begin * static_cast<std::int64_t>(size), bytes_);
    return bytes_;
  }

 private:
  std::vector<std::byte> bytes_;
};

// Whether two tensors of one dtype and shape hold the same bytes.
inline bool same_bytes(const TensorReader& a, std::size_t index_a, const TensorReader& b,
                       std::size_t index_b) {
  bool same = true;
  SliceBuffer of_a, of_b;
  for_each_slice(a.tensors()[index_a], [&](const Slice& slice) {
    same = same && std::ranges::equal(of_a.read(a, index_a, slice), of_b.read(b, index_b, slice));
  });
  return same;
}

// The index of the tensor of this name, if there is one.
inline std::optional<std::size_t> index_of(const TensorReader& reader, std::string_view name) {
  const auto tensors = reader.tensors();
  const auto found = std::ranges::lower_bound(tensors, name, {}, &TensorInfo::name);
  if (found == tensors.end() || found->name != name) return std::nullopt;
  return static_cast<std::size_t>(found - tensors.begin());
}

}  // namespace easylm
