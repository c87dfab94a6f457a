// Floating point types by their bits: every half is exact, and everything between two halves goes to the
// nearer.
#include "easylm/elements.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "easylm/rotary_layout.h"

namespace easylm {
namespace {

constexpr std::uint16_t kF16Infinity = 0x7c00, kBf16Infinity = 0x7f80;

// Each finite number of a 16-bit type, and what lies between it and the next.
template <typename Widen, typename Narrow>
void expect_nearest(std::uint16_t infinity, Widen widen, Narrow narrow) {
  for (std::uint16_t bits = 0; bits + 1 < infinity; ++bits) {
    const auto next = static_cast<std::uint16_t>(bits + 1);
    const float x = widen(bits), y = widen(next);
    const float middle = x + (y - x) / 2;
    const std::uint16_t even = bits % 2 == 0 ? bits : next;
    ASSERT_EQ(narrow(x), bits);
    ASSERT_EQ(narrow(-x), bits | 0x8000U);
    ASSERT_EQ(narrow(middle), even);
    ASSERT_EQ(narrow(std::nextafter(middle, x)), bits);
    ASSERT_EQ(narrow(std::nextafter(middle, y)), next);
    ASSERT_EQ(narrow(-std::nextafter(middle, y)), next | 0x8000U);
  }
  const float most = widen(static_cast<std::uint16_t>(infinity - 1));
  const float step = most - widen(static_cast<std::uint16_t>(infinity - 2));
  EXPECT_EQ(narrow(most + step / 2), infinity);
  EXPECT_EQ(narrow(std::nextafter(most + step / 2, 0.0F)), infinity - 1);
  EXPECT_EQ(narrow(std::numeric_limits<float>::infinity()), infinity);
  EXPECT_EQ(widen(infinity), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(widen(narrow(std::numeric_limits<float>::quiet_NaN()))));
}

TEST(Elements, F16RoundsToTheNearest) { expect_nearest(kF16Infinity, f16_to_f32, f32_to_f16); }

TEST(Elements, Bf16RoundsToTheNearest) { expect_nearest(kBf16Infinity, bf16_to_f32, f32_to_bf16); }

TEST(Elements, ANanOfOnlyLowBitsStaysOne) {
  const float nan = std::bit_cast<float>(std::uint32_t{0x7f800001});
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(nan))));
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(nan))));
}

TEST(Elements, EveryTypeComesBack) {
  const std::vector<float> numbers = {0.0F, -1.5F, 256.0F, 0.25F};
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    std::vector<std::byte> bytes(numbers.size() * static_cast<std::size_t>(size_of(dtype)));
    std::vector<float> back(numbers.size());
    from_f32(numbers, dtype, bytes);
    to_f32(dtype, bytes, back);
    EXPECT_EQ(back, numbers) << name_of(dtype);
  }
}

TEST(RotaryLayout, PairsTheHalvesOfEachHead) {
  constexpr std::int64_t kWidth = 6;
  const std::vector<std::int64_t> interleaved = {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11};
  for (std::int64_t row = 0; row < 2 * kWidth; ++row) {
    EXPECT_EQ(interleaved_row(row, kWidth), interleaved[static_cast<std::size_t>(row)]);
    EXPECT_EQ(halves_row(interleaved_row(row, kWidth), kWidth), row);
  }
}

}  // namespace
}  // namespace easylm
