// Blocks to numbers and numbers to blocks, equal to the bit to what the `gguf` package makes of the same.
#include "gguf/blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "vectors.h"

namespace easylm::gguf {
namespace {

Table vectors() { return parse_json_object(read_text(vector_path("gguf.json")), "gguf.json"); }

class EveryType : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryType, IsReadToTheBit) {
  const Table all = vectors();
  const Table& expected = table_in(table_in(all, "dequantise"), GetParam());
  const std::vector<std::byte> blocks = from_hex(text_in(expected, "blocks"));
  const std::vector<float> numbers = floats_from_hex(text_in(expected, "numbers"));
  const BlockType* type = find_type(std::string_view(GetParam()));
  ASSERT_NE(type, nullptr);
  ASSERT_EQ(blocks.size() / static_cast<std::size_t>(type->bytes) * static_cast<std::size_t>(type->numbers),
            numbers.size());
  std::vector<float> ours(numbers.size());
  dequantise(*type, blocks, ours);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    ASSERT_EQ(std::memcmp(&ours[i], &numbers[i], sizeof(float)), 0)
        << i << ": " << ours[i] << " " << numbers[i];
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryType,
                         ::testing::Values("Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"),
                         [](const auto& test) { return std::string(test.param); });

class WrittenType : public ::testing::TestWithParam<const char*> {};

TEST_P(WrittenType, IsMadeToTheBit) {
  const Table all = vectors();
  const std::vector<float> numbers = floats_from_hex(text_in(all, "numbers"));
  const std::vector<std::byte> expected = from_hex(text_in(table_in(all, "quantise"), GetParam()));
  const BlockType* type = find_type(std::string_view(GetParam()));
  std::vector<std::byte> ours(expected.size());
  ASSERT_TRUE(quantise(*type, numbers, ours));
  const auto size = static_cast<std::size_t>(type->bytes);
  for (std::size_t block = 0; block < ours.size() / size; ++block) {
    EXPECT_EQ(std::memcmp(&ours[block * size], &expected[block * size], size), 0) << "block " << block;
  }
}

TEST_P(WrittenType, RefusesNumbersThatItCanNotHold) {
  const BlockType* type = find_type(std::string_view(GetParam()));
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<std::byte> block(static_cast<std::size_t>(type->bytes));
  for (const float bad : {infinity, -infinity, std::nanf(""), 3e38F, -3e38F}) {
    std::vector<float> numbers(32, 0.5F);
    numbers[7] = bad;
    EXPECT_FALSE(quantise(*type, numbers, block)) << bad;
  }
  EXPECT_TRUE(quantise(*type, std::vector<float>(32, std::numeric_limits<float>::denorm_min()), block));
}

INSTANTIATE_TEST_SUITE_P(All, WrittenType, ::testing::Values("Q8_0", "Q4_0", "Q4_1"),
                         [](const auto& test) { return std::string(test.param); });

TEST(Blocks, NamesTypesThatCanNotBeRead) {
  EXPECT_EQ(find_type(std::uint32_t{23}), nullptr);
  EXPECT_EQ(type_name(23), "IQ4_XS");
  EXPECT_EQ(type_name(99), "of number 99");
  EXPECT_EQ(type_name(2), "Q4_0");
}

}  // namespace
}  // namespace easylm::gguf
