// Files of other libraries under tests/fixtures/vectors/checkpoints, and whether two readers hold the same.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "support/paths.h"

namespace easylm::testing {

inline std::filesystem::path checkpoint_vector(const std::string& name) {
  return source_folder() / "tests/fixtures/vectors/checkpoints" / name;
}

// A tensor's bytes, read in slices of an odd size.
inline std::vector<std::byte> bytes_of(const TensorReader& reader, std::size_t index,
                                       std::size_t slice = 1 << 20) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(reader.tensors()[index].num_bytes()));
  for (std::size_t at = 0; at < bytes.size(); at += slice) {
    reader.read(index, static_cast<std::int64_t>(at),
                std::span(bytes).subspan(at, std::min(slice, bytes.size() - at)));
  }
  return bytes;
}

// Same names, types, shapes and bytes, read as a whole, in slices and, where there is a view, in place.
inline void expect_same(const TensorReader& a, const TensorReader& b) {
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (std::size_t i = 0; i < a.tensors().size(); ++i) {
    const TensorInfo &x = a.tensors()[i], &y = b.tensors()[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.dtype, y.dtype) << x.name;
    ASSERT_EQ(x.shape, y.shape) << x.name;
    const std::vector<std::byte> whole = bytes_of(a, i);
    EXPECT_EQ(whole, bytes_of(b, i)) << x.name;
    EXPECT_EQ(whole, bytes_of(a, i, 13)) << x.name;
    const std::span<const std::byte> view = a.view(i);
    if (!view.empty()) {
      EXPECT_TRUE(std::equal(view.begin(), view.end(), whole.begin(), whole.end())) << x.name;
    }
  }
}

}  // namespace easylm::testing
