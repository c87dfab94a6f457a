// Elements in another order than they are read: against indices worked out one by one, for every slice.
#include "easylm/strided.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "easylm/error.h"
#include "easylm/rotary_layout.h"

namespace easylm {
namespace {

std::vector<std::byte> numbered(std::int64_t elements, std::int64_t element_bytes) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(elements * element_bytes));
  std::mt19937 random(7);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

// The whole tensor in row-major order, one element at a time.
std::vector<std::byte> expected(const Strided& layout, std::span<const std::byte> from) {
  std::vector<std::byte> result;
  std::vector<std::int64_t> index(layout.shape.size(), 0);
  const std::int64_t count =
      std::accumulate(layout.shape.begin(), layout.shape.end(), std::int64_t{1}, std::multiplies<>());
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, number = layout.first;
    for (std::size_t d = layout.shape.size(); d-- > 0;) {
      number += rest % layout.shape[d] * layout.strides[d];
      rest /= layout.shape[d];
    }
    const auto element = from.subspan(static_cast<std::size_t>(number * layout.element_bytes),
                                      static_cast<std::size_t>(layout.element_bytes));
    result.insert(result.end(), element.begin(), element.end());
  }
  return result;
}

std::vector<Strided> layouts() {
  std::vector<Strided> all;
  for (const std::int64_t bytes : {1, 2, 4, 8}) {
    all.push_back(row_major(bytes, {3, 5}));
    all.push_back(row_major(bytes, {}));
    all.push_back(transposed(row_major(bytes, {5, 70})));
    all.push_back(in_halves(transposed(row_major(bytes, {3, 24})), 6));
    all.push_back({bytes, {2, 3, 4}, {1, 9, 2}, 5});
    all.push_back({bytes, {4, 1, 3}, {0, 77, 1}, 1});
  }
  return all;
}

TEST(Strided, GathersEverySliceAsSingleElementsWould) {
  for (const Strided& layout : layouts()) {
    const auto from = numbered(layout.extent(), layout.element_bytes);
    const auto whole = expected(layout, from);
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
      const std::size_t begin = round == 0 ? 0 : random() % (whole.size() + 1);
      const std::size_t size = round == 0 ? whole.size() : random() % (whole.size() - begin + 1);
      std::vector<std::byte> slice(size);
      gather(layout, from, static_cast<std::int64_t>(begin), slice);
      ASSERT_TRUE(std::equal(slice.begin(), slice.end(), whole.begin() + static_cast<std::ptrdiff_t>(begin)))
          << layout.element_bytes << " " << begin << " " << size;
    }
  }
}

TEST(Strided, GathersFromPartsAsFromOnePiece) {
  for (const Strided& layout : layouts()) {
    const auto from = numbered(layout.extent(), layout.element_bytes);
    const auto whole = expected(layout, from);
    ElementParts parts{{}, 7 * layout.element_bytes};
    std::span<const std::byte> rest = from;
    while (!rest.empty()) {
      const std::size_t now = std::min(rest.size(), static_cast<std::size_t>(parts.part_bytes));
      parts.parts.push_back(rest.first(now));
      rest = rest.subspan(now);
    }
    for (std::size_t begin = 0; begin < whole.size(); begin += 3) {
      std::vector<std::byte> slice(std::min<std::size_t>(whole.size() - begin, 29));
      gather(layout, parts, static_cast<std::int64_t>(begin), slice);
      ASSERT_TRUE(std::equal(slice.begin(), slice.end(), whole.begin() + static_cast<std::ptrdiff_t>(begin)));
    }
  }
}

TEST(Strided, ScatterUndoesGather) {
  for (const Strided& layout :
       {transposed(row_major(2, {5, 70})), in_halves(transposed(row_major(4, {3, 24})), 6)}) {
    const auto from = numbered(layout.extent(), layout.element_bytes);
    const auto whole = expected(layout, from);
    std::vector<std::byte> back(from.size());
    for (std::size_t begin = 0; begin < whole.size(); begin += 37) {
      const auto slice = std::span(whole).subspan(begin, std::min<std::size_t>(whole.size() - begin, 37));
      scatter(layout, slice, static_cast<std::int64_t>(begin), back);
    }
    EXPECT_EQ(back, from);
  }
}

TEST(Strided, HalvesAreTheRowsThatRotaryLayoutNames) {
  const Strided halves = in_halves(row_major(1, {24, 1}), 6);
  const auto from = numbered(24, 1);
  std::vector<std::byte> rows(24);
  gather(halves, from, 0, rows);
  for (std::int64_t row = 0; row < 24; ++row) {
    EXPECT_EQ(rows[static_cast<std::size_t>(row)], from[static_cast<std::size_t>(interleaved_row(row, 6))]);
  }
}

TEST(Strided, KnowsWhatIsContiguous) {
  EXPECT_TRUE(row_major(4, {3, 0, 5}).is_contiguous());
  EXPECT_TRUE((Strided{4, {1, 3}, {99, 1}, 2}).is_contiguous());
  EXPECT_FALSE(transposed(row_major(4, {3, 5})).is_contiguous());
}

TEST(Strided, RefusesWhatReachesNowhere) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ((Strided{4, {2, 3}, {3, 1}, 4}).extent(), 10);
  EXPECT_EQ((Strided{4, {2, 0}, {kMost, 1}, 4}).extent(), 0);
  EXPECT_THROW((Strided{4, {2}, {-1}, 4}).extent(), Error);
  EXPECT_THROW((Strided{4, {-2}, {1}, 4}).extent(), Error);
  EXPECT_THROW((Strided{4, {2}, {1}, -4}).extent(), Error);
  EXPECT_THROW((Strided{4, {kMost}, {kMost}, 0}).extent(), Error);
  EXPECT_THROW((Strided{4, {2, 2}, {kMost, kMost}, 0}).extent(), Error);
  EXPECT_THROW((Strided{4, {2}, {kMost}, 1}).extent(), Error);
}

}  // namespace
}  // namespace easylm
