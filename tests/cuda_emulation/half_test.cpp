// Conversions between fp32 and the 16-bit types, against each other and against every midpoint.
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "harness.h"

namespace easylm::emulation_test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
struct Half : testing::Test {};
using HalfTypes = testing::Types<__half, __nv_bfloat16>;
TYPED_TEST_SUITE(Half, HalfTypes);

template <typename T>
std::uint16_t bits_of(float value) {
  return bpt_cuda::from_float<T>(value).bits;
}
template <typename T>
float value_of(unsigned bits) {
  return bpt_cuda::to_float(T{static_cast<std::uint16_t>(bits)});
}

TYPED_TEST(Half, ComesBackAsItWas) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const float value = value_of<TypeParam>(bits);
    ASSERT_EQ(bits_of<TypeParam>(value), std::isnan(value) ? 0x7FFF : bits) << bits;
  }
}

// Between two neighbours the midpoint goes to the even one, and what lies beside it to the nearer one.
TYPED_TEST(Half, RoundsToNearestEven) {
  for (unsigned low = 0; std::isfinite(value_of<TypeParam>(low + 1)); ++low) {
    const float middle = std::midpoint(value_of<TypeParam>(low), value_of<TypeParam>(low + 1));
    for (const float sign : {1.0F, -1.0F}) {
      const unsigned sign_bit = sign < 0 ? 0x8000 : 0;
      ASSERT_EQ(bits_of<TypeParam>(sign * middle), sign_bit + low + low % 2) << low;
      ASSERT_EQ(bits_of<TypeParam>(sign * std::nextafter(middle, 0.0F)), sign_bit + low) << low;
      ASSERT_EQ(bits_of<TypeParam>(sign * std::nextafter(middle, kInfinity)), sign_bit + low + 1) << low;
    }
  }
}

TYPED_TEST(Half, KnowsInfinityAndNan) {
  const std::uint16_t infinity = bits_of<TypeParam>(kInfinity);
  EXPECT_EQ(value_of<TypeParam>(infinity), kInfinity);
  EXPECT_EQ(bits_of<TypeParam>(std::numeric_limits<float>::max()), infinity);
  EXPECT_EQ(bits_of<TypeParam>(-kInfinity), infinity | 0x8000);
  EXPECT_EQ(bits_of<TypeParam>(-std::numeric_limits<float>::quiet_NaN()), 0x7FFF);
}

TYPED_TEST(Half, PacksTheLowNumberLow) {
  const std::uint32_t pair = bpt_cuda::pack<TypeParam>(1.5F, -3.0F);
  EXPECT_EQ(pair & 0xFFFF, bits_of<TypeParam>(1.5F));
  EXPECT_EQ(bpt_cuda::unpack<TypeParam>(pair).x, 1.5F);
  EXPECT_EQ(bpt_cuda::unpack<TypeParam>(pair).y, -3.0F);
}

TEST(HalfBits, AreThoseOfTheStandards) {
  EXPECT_EQ(__float2half_rn(1.0F).bits, 0x3C00);
  EXPECT_EQ(__float2half_rn(65519.0F).bits, 0x7BFF);
  EXPECT_EQ(__float2half_rn(65520.0F).bits, 0x7C00);
  EXPECT_EQ(__float2half_rn(0x1p-24F).bits, 0x0001);
  EXPECT_EQ(__float2bfloat16_rn(1.0F).bits, 0x3F80);
  EXPECT_EQ(__float2bfloat16_rn(-0.0F).bits, 0x8000);
}

}  // namespace
}  // namespace easylm::emulation_test
