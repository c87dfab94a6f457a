// Headers that nobody vouches for: every one is refused with the file's and the tensor's name, or read right.
#include "safetensors/header.h"

#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <random>

#include "easylm/error.h"

namespace easylm::safetensors {
namespace {

// A file with this header and `data_bytes` of data.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, 'x');
}

Header parse(const std::string& file) {
  return parse_header(std::as_bytes(std::span(file.data(), file.size())), "x.safetensors");
}

struct Hostile {
  const char* name;
  std::string header;
  std::size_t data_bytes;
  const char* message;  // a part of it
  ErrorCode code = ErrorCode::corrupt;
};

std::ostream& operator<<(std::ostream& out, const Hostile& hostile) { return out << hostile.name; }

class HostileHeader : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileHeader, IsRefusedByName) {
  const Hostile& hostile = GetParam();
  try {
    parse(file_of(hostile.header, hostile.data_bytes));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), hostile.code) << error.message();
    EXPECT_EQ(error.message().rfind("x.safetensors: ", 0), 0U) << error.message();
    EXPECT_NE(error.message().find(hostile.message), std::string::npos) << error.message();
    EXPECT_FALSE(error.hint().empty());
  }
}

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

const std::vector<Hostile> kHostile = {
    {"Empty", "", 0, "never finished"},
    {"NotAnObject", "[1]", 0, "not a JSON object"},
    {"NotJson", "{]", 0, "not valid JSON"},
    {"CutJson", R"({"a":{"dtype":)", 0, "not valid JSON"},
    {"TextAfterJson", "{} x", 0, "not valid JSON"},
    {"ZeroByteAfterJson", std::string("{}\0", 3), 0, "not valid JSON"},
    {"BadUtf8", "{\"\xff\":1}", 0, "not valid JSON"},
    {"TooDeep", R"({"a":{"shape":)" + std::string(100, '[') + "}}", 0, "list where none belongs"},
    {"NoName", R"({"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, "has no name"},
    {"TensorTwice",
     R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
     2, "tensor \"a\" appears twice"},
    {"KeyTwice", R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
     "the key \"dtype\" twice"},
    {"UnknownKey", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1, "unknown key \"x\""},
    {"NoDtype", R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, "has no dtype"},
    {"NoShape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "has no shape"},
    {"NoOffsets", R"({"a":{"dtype":"U8","shape":[1]}})", 1, "has no data_offsets"},
    {"UnknownType", tensor("F33", "[1]", "[0,4]"), 4, "unknown element type \"F33\""},
    {"ForeignType", tensor("F8_E4M3", "[1]", "[0,1]"), 1, "type F8_E4M3", ErrorCode::unsupported},
    {"TypeIsANumber", R"({"a":{"dtype":4}})", 0, "number where none belongs"},
    {"TensorIsANumber", R"({"a":4})", 0, "tensor \"a\" holds a number"},
    {"TensorIsAText", R"({"a":"b"})", 0, "tensor \"a\" holds a text"},
    {"TensorIsNull", R"({"a":null})", 0, "tensor \"a\" holds null"},
    {"TensorIsAList", R"({"a":[]})", 0, "tensor \"a\" holds a list"},
    {"NegativeDimension", tensor("U8", "[-1]", "[0,1]"), 1, "negative number in its shape"},
    {"RealDimension", tensor("U8", "[1.5]", "[0,1]"), 1, "no 64-bit integer"},
    {"HugeDimension", tensor("U8", "[18446744073709551615]", "[0,1]"), 1, "no 64-bit integer"},
    {"NestedShape", tensor("U8", "[[1]]", "[0,1]"), 1, "list where none belongs"},
    {"ObjectInShape", tensor("U8", "[{}]", "[0,1]"), 1, "object where none belongs"},
    {"TextInShape", tensor("U8", R"(["1"])", "[0,1]"), 1, "text where none belongs"},
    {"TooManyDimensions",
     tensor(
         "U8",
         "[1" + std::string(128, ' ') +
             []() {
               std::string ones;
               for (int i = 0; i < 70; ++i) ones += ",1";
               return ones;
             }() +
             "]",
         "[0,1]"),
     1, "more than 64 numbers"},
    {"ShapeOverflows", tensor("F64", "[4294967296,4294967296]", "[0,1]"), 1, "more bytes than there can be"},
    {"OneOffset", tensor("U8", "[1]", "[0]"), 1, "two data_offsets"},
    {"ThreeOffsets", tensor("U8", "[1]", "[0,1,2]"), 1, "two data_offsets"},
    {"NegativeOffset", tensor("U8", "[1]", "[-1,0]"), 1, "negative number in its data_offsets"},
    {"EndsBeforeItBegins", tensor("U8", "[1]", "[1,0]"), 1, "ends before it begins"},
    {"SizeIsNotTheShapes", tensor("F32", "[2]", "[0,4]"), 4, "lies in 4 bytes, but its shape takes 8"},
    {"PastTheEnd", tensor("U8", "[9]", "[0,9]"), 8, "ends at byte 9 of the data, and there are 8"},
    {"FarPastTheEnd", tensor("U8", "[9223372036854775807]", "[0,9223372036854775807]"), 8, "ends at byte"},
    {"HoleAtTheStart", tensor("U8", "[1]", "[1,2]"), 2, "hole of 1 bytes before tensor \"a\""},
    {"BytesAtTheEnd", tensor("U8", "[1]", "[0,1]"), 3, "2 bytes at the end belong to no tensor"},
    {"NothingButData", "{}", 3, "3 bytes at the end belong to no tensor"},
    {"Overlap",
     R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
     3, "tensor \"b\" overlaps tensor \"a\""},
    {"SamePlace",
     R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
     2, "tensor \"b\" overlaps tensor \"a\""},
    {"Hole",
     R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
     3, "hole of 1 bytes before tensor \"b\""},
    {"MetadataIsAText", R"({"__metadata__":"x"})", 0, "the metadata holds a text"},
    {"MetadataHoldsANumber", R"({"__metadata__":{"x":1}})", 0, "the metadata holds a number"},
    {"MetadataHoldsATable", R"({"__metadata__":{"x":{}}})", 0, "the metadata holds an object"},
    {"MetadataHoldsAList", R"({"__metadata__":{"x":[]}})", 0, "the metadata holds a list"},
    {"MetadataTwice", R"({"__metadata__":{"x":"1","x":"2"}})", 0, "metadata \"x\" appears twice"},
};

INSTANTIATE_TEST_SUITE_P(All, HostileHeader, ::testing::ValuesIn(kHostile),
                         [](const auto& test) { return std::string(test.param.name); });

const std::string kGood =
    R"({"__metadata__":{"format":"pt","a":""},"w":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
    R"("empty":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]},)"
    R"("scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )";

TEST(Header, ReadsTensorsInTheOrderOfTheirData) {
  const Header header = parse(file_of(kGood, 16));
  ASSERT_EQ(header.entries.size(), 3U);
  EXPECT_EQ(header.entries[0].info.name, "empty");
  EXPECT_EQ(header.entries[1].info.name, "scalar");
  EXPECT_EQ(header.entries[2].info.name, "w");
  EXPECT_EQ(header.entries[2].info.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(header.entries[2].info.dtype, DType::bf16);
  EXPECT_EQ(header.entries[2].begin, 4);
  EXPECT_EQ(header.metadata.size(), 2U);
  EXPECT_EQ(header.data_begin, static_cast<std::int64_t>(8 + kGood.size()));
  EXPECT_TRUE(parse(file_of("{}", 0)).entries.empty());
}

TEST(Header, ReadsBackWhatItWrites) {
  const std::vector<Entry> entries = {{{"x \"quoted\" \n é", DType::f64, {3}}, 0, 24},
                                      {{"b", DType::boolean, {2, 0}}, 24, 24}};
  const std::string bytes = header_bytes(entries);
  EXPECT_EQ(bytes.size() % 8, 0U);
  const Header header = parse(bytes + std::string(24, 'x'));
  ASSERT_EQ(header.entries.size(), 2U);
  EXPECT_EQ(header.entries[0].info.name, "x \"quoted\" \n é");
  EXPECT_EQ(header.entries[1].info.shape, (std::vector<std::int64_t>{2, 0}));
}

TEST(Header, RefusesLengthsThatTheFileDoesNotHave) {
  const std::string good = file_of(kGood, 16);
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{good.size()}, std::uint64_t{100'000'001},
                                     ~std::uint64_t{0}, std::uint64_t{1} << 63U}) {
    std::string file = good;
    std::memcpy(file.data(), &length, 8);
    EXPECT_THROW(parse(file), Error) << length;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(parse(good.substr(0, size)), Error) << size;
  }
}

TEST(Header, SurvivesEveryFlippedBit) {
  const std::string good = file_of(kGood, 16);
  for (std::size_t bit = 0; bit < 8 * (8 + kGood.size()); ++bit) {
    std::string file = good;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    try {
      for (const Entry& entry : parse(file).entries) {
        EXPECT_EQ(entry.end - entry.begin, entry.info.num_bytes());
        EXPECT_LE(entry.end, 16);
      }
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal) << error.message();
    }
  }
}

TEST(Header, SurvivesRandomDamage) {
  const std::string good = file_of(kGood, 16);
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::string file = good;
    for (int i = 0; i < 4; ++i) file[8 + random() % kGood.size()] = R"({}[]",:0123456789-eU)"[random() % 21];
    try {
      parse(file);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal) << error.message();
    }
  }
}

}  // namespace
}  // namespace easylm::safetensors
