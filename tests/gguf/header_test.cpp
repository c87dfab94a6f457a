// Heads that nobody vouches for: every one is refused with the file's name and what is wrong, or read right.
#include "gguf/header.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <ostream>
#include <random>

#include "easylm/error.h"
#include "vectors.h"

namespace easylm::gguf {
namespace {

constexpr std::uint32_t kF32 = 0, kQ8_0 = 8, kIq4Xs = 23;
constexpr std::uint64_t kHuge = std::uint64_t{1} << 63U;

Header parse(const std::string& file) {
  return parse_header(std::as_bytes(std::span(file.data(), file.size())), "x.gguf");
}

struct Hostile {
  const char* name;
  std::string file;
  const char* message;  // a part of it
  ErrorCode code = ErrorCode::corrupt;
};

std::ostream& operator<<(std::ostream& out, const Hostile& hostile) { return out << hostile.name; }

class HostileHead : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileHead, IsRefusedByName) {
  const Hostile& hostile = GetParam();
  try {
    parse(hostile.file);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), hostile.code) << error.message();
    EXPECT_EQ(error.message().rfind("x.gguf: ", 0), 0U) << error.message();
    EXPECT_NE(error.message().find(hostile.message), std::string::npos) << error.message();
    EXPECT_FALSE(error.hint().empty());
  }
}

std::string number(std::uint64_t x) {
  std::string bytes;
  append_number(bytes, x);
  return bytes;
}

std::string list_head(ValueType item_type, std::uint64_t count) {
  std::string bytes;
  append_number(bytes, static_cast<std::uint32_t>(item_type));
  return bytes + number(count);
}

HandMade with_counts(std::uint64_t num_tensors, std::uint64_t num_values) {
  return {.num_tensors = num_tensors, .num_values = num_values};
}

HandMade one(const std::vector<std::uint64_t>& dimensions, std::uint32_t type = kF32,
             std::uint64_t offset = 0) {
  return HandMade().tensor("a", dimensions, type, offset);
}

HandMade list_bomb(int depth) {
  std::string bytes;
  for (int i = 0; i < depth; ++i) bytes += list_head(ValueType::list, 1);
  return HandMade().value("bomb", ValueType::list, bytes + list_head(ValueType::u8, 0));
}

const std::vector<Hostile> kHostile = {
    {"Empty", "", "the magic takes 4 bytes"},
    {"OtherMagic", "GGML" + HandMade().file().substr(4), "doesn't begin with GGUF"},
    {"VersionZero", HandMade{.version = 0}.file(), "version 0"},
    {"VersionOne", HandMade{.version = 1}.file(), "version 1", ErrorCode::unsupported},
    {"VersionFour", HandMade{.version = 4}.file(), "version 4", ErrorCode::unsupported},
    {"BigEndian", HandMade{.version = 0x03000000}.file(), "big-endian", ErrorCode::unsupported},
    {"MoreTensorsThanTheFile", with_counts(1000, 0).file(), "claims 1000 tensors"},
    {"HugeNumberOfTensors", with_counts(kHuge, 0).file(), "claims 9223372036854775808 tensors"},
    {"MoreValuesThanTheFile", with_counts(0, 1000).file(), "claims 1000 values"},
    {"HugeNumberOfValues", with_counts(0, ~std::uint64_t{0}).file(), "claims 18446744073709551615 values"},
    {"HugeKey", HandMade{.num_values = 1, .rest = number(kHuge) + std::string(20, 'x')}.file(),
     "takes 9223372036854775808 bytes"},
    {"EmptyKey", HandMade().u32("", 1).file(), "key of 0 bytes"},
    {"LongKey", HandMade().u32(std::string(65536, 'k'), 1).file(), "key of 65536 bytes"},
    {"KeyTwice", HandMade().u32("k", 1).u32("k", 2).file(), "metadata \"k\" appears twice"},
    {"UnknownValueType", HandMade().value("k", static_cast<ValueType>(13), "12345678").file(),
     "unknown type 13"},
    {"HugeText", HandMade().value("k", ValueType::text, number(kHuge) + "abc").file(),
     "metadata \"k\" takes 9223372036854775808 bytes"},
    {"NoTruth", HandMade().value("k", ValueType::boolean, "\2").file(), "neither 0 nor 1"},
    {"HugeList", HandMade().value("k", ValueType::list, list_head(ValueType::f64, kHuge)).file(),
     "claims 9223372036854775808 items"},
    {"ListWhoseBytesWrap",
     HandMade().value("k", ValueType::list, list_head(ValueType::u32, kHuge / 2)).file(),
     "more than the file has"},
    {"HugeListOfTexts", HandMade().value("k", ValueType::list, list_head(ValueType::text, kHuge)).file(),
     "more than the file has"},
    {"HugeListOfLists", HandMade().value("k", ValueType::list, list_head(ValueType::list, kHuge)).file(),
     "more than the file has"},
    {"ListOfUnknownType",
     HandMade().value("k", ValueType::list, list_head(static_cast<ValueType>(99), 0)).file(),
     "unknown type 99"},
    {"NoTruthInList",
     HandMade().value("k", ValueType::list, list_head(ValueType::boolean, 2) + "\1\7").file(),
     "neither 0 nor 1"},
    {"NestingBomb", list_bomb(10000).file(), "nests lists too deep"},
    {"AlignmentZero", HandMade().u32("general.alignment", 0).file(), "not a power of two"},
    {"AlignmentThree", HandMade().u32("general.alignment", 24).file(), "not a power of two"},
    {"AlignmentOne", HandMade().u32("general.alignment", 1).file(), "not a power of two"},
    {"HugeAlignment", HandMade().u32("general.alignment", 0x80000000U).file(), "not a power of two"},
    {"AlignmentIsAText", HandMade().text("general.alignment", "32").file(), "not an integer"},
    {"NoName", HandMade().tensor("", {1}, kF32, 0).file(4), "has no name"},
    {"TensorTwice", HandMade().tensor("a", {8}, kF32, 0).tensor("a", {8}, kF32, 32).file(64),
     "tensor \"a\" appears twice"},
    {"FiveDimensions", one({1, 1, 1, 1, 1}).file(4), "5 dimensions"},
    {"BillionsOfDimensions",
     HandMade{.num_tensors = 1, .rest = number(1) + "a" + std::string(4, '\xff') + std::string(20, '\0')}
         .file(),
     "4294967295 dimensions"},
    {"DimensionZero", one({0, 4}).file(4), "a dimension of 0"},
    {"HugeDimension", one({kHuge}).file(4), "more bytes than there can be"},
    {"ProductWrapsToNothing", one({std::uint64_t{1} << 32U, std::uint64_t{1} << 32U}).file(4),
     "more bytes than there can be"},
    {"ProductWrapsToLittle", one({3, 0xAAAAAAAAAAAAAAABU}).file(4), "more bytes than there can be"},
    {"ForeignType", one({256}, kIq4Xs).file(256), "tensor \"a\" has numbers of type IQ4_XS",
     ErrorCode::unsupported},
    {"UnknownType", one({256}, 4711).file(256), "type of number 4711", ErrorCode::unsupported},
    {"RowsThatBlocksDoNotFill", one({33, 2}, kQ8_0).file(256), "rows of 33 numbers, which Q8_0 can't hold"},
    {"ScalarInBlocks", one({}, kQ8_0).file(64), "rows of 1 numbers"},
    {"OffsetNotAligned", one({1}, kF32, 4).file(8), "not at a multiple of 32"},
    {"OffsetPastTheEnd", one({1}, kF32, 64).file(32), "begins at byte 64 of the data, and there are 32"},
    {"HugeOffset", one({1}, kF32, kHuge).file(4), "beyond any file"},
    {"OffsetThatWraps", one({1}, kF32, ~std::uint64_t{31}).file(4), "beyond any file"},
    {"EndsPastTheEnd", one({9}).file(32), "of 36 bytes begins at byte 0 of the data, and there are 32"},
    {"NoData", one({9}).file(), "there are 0"},
    {"Overlap", HandMade().tensor("a", {16}, kF32, 0).tensor("b", {8}, kF32, 32).file(64),
     "tensor \"b\" overlaps tensor \"a\""},
    {"SamePlace", HandMade().tensor("a", {8}, kF32, 0).tensor("b", {8}, kF32, 0).file(64), "overlaps tensor"},
    {"Hole", HandMade().tensor("a", {8}, kF32, 0).tensor("b", {8}, kF32, 64).file(96),
     "hole before tensor \"b\""},
    {"HoleAtTheStart", one({8}, kF32, 32).file(64), "hole before tensor \"a\""},
    {"BytesAtTheEnd", one({8}).file(64), "32 bytes at the end belong to no tensor"},
};

INSTANTIATE_TEST_SUITE_P(All, HostileHead, ::testing::ValuesIn(kHostile),
                         [](const auto& test) { return std::string(test.param.name); });

std::string every_value() { return read_text(vector_path("every_value.gguf")); }

TEST(Head, ReadsEveryTypeOfValue) {
  const std::string file = every_value();
  const Header header = parse(file);
  const Metadata& metadata = header.metadata;
  EXPECT_EQ(metadata.text("general.architecture"), "mamba");
  EXPECT_EQ(metadata.integer("a.u8"), 200);
  EXPECT_EQ(metadata.integer("a.i8"), -100);
  EXPECT_EQ(metadata.integer("a.u16"), 60000);
  EXPECT_EQ(metadata.integer("a.i16"), -30000);
  EXPECT_EQ(metadata.integer("a.u32"), 4000000000);
  EXPECT_EQ(metadata.integer("a.i32"), -2000000000);
  EXPECT_EQ(metadata.integer("a.i64"), std::numeric_limits<std::int64_t>::min());
  EXPECT_THROW((void)metadata.integer("a.u64"), Error);
  EXPECT_EQ(metadata.real("a.f32"), 1e-5);  // the number that was meant, not its nearest fp32
  EXPECT_EQ(metadata.real("a.f64"), 1e-300);
  EXPECT_EQ(metadata.boolean("a.true"), true);
  EXPECT_EQ(metadata.boolean("a.false"), false);
  EXPECT_EQ(metadata.text("a.text"), "é \"quoted\"\n");
  EXPECT_EQ(metadata.texts("a.texts"), (std::vector<std::string_view>{"one", "", "three"}));
  EXPECT_EQ(metadata.integers("a.integers"), (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_EQ(metadata.reals("a.reals"), (std::vector<double>{0.5, -1.25}));
  EXPECT_EQ(metadata.find("nothing"), nullptr);
  EXPECT_FALSE(metadata.integer("nothing").has_value());
}

TEST(Head, DescribesEveryValueToPeople) {
  const std::string file = every_value();
  std::map<std::string, std::string> described;
  for (const auto& [key, text] : parse(file).metadata.described()) described[key] = text;
  EXPECT_EQ(described["a.u64"], "18446744073709551615");
  EXPECT_EQ(described["a.f32"], "1e-05");
  EXPECT_EQ(described["a.texts"], "[one, , three]");
  EXPECT_EQ(described["a.truths"], "[true, false]");
  EXPECT_EQ(described["a.lists"], "[[2 items], [1 items]]");
}

TEST(Head, NamesAValueOfAWrongType) {
  const std::string file = every_value();
  const Header header = parse(file);
  try {
    (void)header.metadata.texts("a.integers");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "x.gguf: metadata \"a.integers\" is not a list of texts");
  }
}

TEST(Head, ReadsTensorsInTheOrderOfTheirData) {
  const std::string file = every_value();
  const Header header = parse(file);
  ASSERT_EQ(header.entries.size(), 8U);
  for (const Entry& entry : header.entries) {
    EXPECT_EQ(entry.shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(entry.begin % 64, 0) << entry.name;
  }
  EXPECT_EQ(header.entries[0].name, "f32");
  EXPECT_EQ(header.entries[7].type->name, "BF16");
}

TEST(Head, VersionTwoIsReadLikeThree) {
  std::string file = one({8}).file(32);
  file[4] = 2;
  EXPECT_EQ(parse(file).entries.size(), 1U);
}

TEST(Head, TheLastTensorNeedsNoPadding) {
  EXPECT_EQ(parse(one({3}).file(12)).entries.size(), 1U);
  EXPECT_EQ(parse(one({3}).file(32)).entries.size(), 1U);
}

TEST(Head, AFileCutAnywhereIsRefused) {
  const std::string whole = every_value();
  const std::size_t end = static_cast<std::size_t>(parse(whole).entries.back().begin + 12);
  for (std::size_t size = 0; size < end; ++size) {
    EXPECT_THROW(parse(whole.substr(0, size)), Error) << size;
  }
}

void expect_sound(const std::string& file) {
  try {
    const Header header = parse(file);
    for (const Entry& entry : header.entries) {
      EXPECT_GE(entry.begin, 0);
      EXPECT_LE(entry.begin + entry.bytes, static_cast<std::int64_t>(file.size()));
    }
    (void)header.metadata.described();
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::internal) << error.message();
  }
}

TEST(Head, SurvivesEveryFlippedBit) {
  const std::string good = every_value();
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string file = good;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    expect_sound(file);
  }
}

TEST(Head, SurvivesRandomDamage) {
  const std::string good = every_value();
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string file = good;
    for (int i = 0; i < 4; ++i) file[random() % good.size()] = static_cast<char>(random() % 3 * 127);
    expect_sound(file);
  }
}

}  // namespace
}  // namespace easylm::gguf
