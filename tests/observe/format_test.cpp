// Numbers as people read them, at the places where rounding changes their length.
#include "observe/format.h"

#include <gtest/gtest.h>

#include <limits>

namespace easylm {
namespace {

TEST(Format, LeavesTheCellOfNoNumberEmpty) {
  EXPECT_EQ(format_fixed(2.3106, 2), "2.31");
  EXPECT_EQ(format_fixed(std::numeric_limits<double>::quiet_NaN(), 2), "");
}

TEST(Format, NumbersKeepTheirSignificantDigits) {
  EXPECT_EQ(format_number(2.3149, 3), "2.31");
  EXPECT_EQ(format_number(10.07, 3), "10.1");
  EXPECT_EQ(format_number(9.996, 3), "10.0");
  EXPECT_EQ(format_number(0.8123, 2), "0.81");
  EXPECT_EQ(format_number(0.01234, 3), "0.0123");
  EXPECT_EQ(format_number(12345, 3), "12345");
  EXPECT_EQ(format_number(-1.5, 2), "-1.5");
  EXPECT_EQ(format_number(0, 3), "0");
}

TEST(Format, ExtremeNumbersGetAnExponent) {
  EXPECT_EQ(format_number(1.23e9, 3), "1.2e9");
  EXPECT_EQ(format_number(1.23e-7, 3), "1.2e-7");
}

TEST(Format, NumbersThatAreNoneAreNamed) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(format_number(std::numeric_limits<double>::quiet_NaN(), 3), "nan");
  EXPECT_EQ(format_number(infinity, 3), "inf");
  EXPECT_EQ(format_count(-infinity), "-inf");
  EXPECT_EQ(format_scientific(infinity), "inf");
}

TEST(Format, ScientificHasAShortExponent) {
  EXPECT_EQ(format_scientific(3e-4), "3.0e-4");
  EXPECT_EQ(format_scientific(9.96e-4), "1.0e-3");
  EXPECT_EQ(format_scientific(2), "2.0e0");
  EXPECT_EQ(format_scientific(0), "0");
}

TEST(Format, CountsGetASuffix) {
  EXPECT_EQ(format_count(950), "950");
  EXPECT_EQ(format_count(41234), "41.2k");
  EXPECT_EQ(format_count(999'950), "1.00M");
  EXPECT_EQ(format_count(1'250'000), "1.25M");
  EXPECT_EQ(format_count(15.34), "15.3");
}

TEST(Format, BytesAreDecimal) {
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1.9e9), "1.9 GB");
  EXPECT_EQ(format_bytes(999'990), "1.0 MB");
  EXPECT_EQ(format_bytes(17.94e9), "17.9 GB");
}

TEST(Format, DurationsShowTheirTwoLargestUnits) {
  using std::chrono::seconds;
  EXPECT_EQ(format_duration(seconds(45)), "45s");
  EXPECT_EQ(format_duration(seconds(125)), "2m05s");
  EXPECT_EQ(format_duration(seconds(3725)), "1h02m");
  EXPECT_EQ(format_duration(seconds(3 * 86400 + 4 * 3600 + 59)), "3d04h");
  EXPECT_EQ(format_duration(seconds(-3)), "0s");
}

}  // namespace
}  // namespace easylm
