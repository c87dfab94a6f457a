// Files that nobody vouches for: every one is refused with its name and a reason, or read right.
#include "easylm_stream/tree.h"

#include <gtest/gtest.h>

#include <ostream>
#include <random>

#include "easylm/error.h"
#include "easylm_stream/msgpack.h"

namespace easylm::stream {
namespace {

std::vector<Leaf> read(const std::string& file) {
  return read_tree(std::as_bytes(std::span(file.data(), file.size())), "x.stream");
}

// An array as flax packs it, of bytes that count up.
std::string array(const std::string& shape, const std::string& type, std::uint32_t bytes, int extension = 1) {
  std::string inside = packed_array(3) + shape + packed_string(type) + packed_binary(bytes);
  for (std::uint32_t i = 0; i < bytes; ++i) inside += static_cast<char>(i);
  return packed_extension(extension, static_cast<std::uint32_t>(inside.size())) + inside;
}

std::string shape(std::initializer_list<std::int64_t> sizes) {
  std::string text = packed_array(static_cast<std::uint32_t>(sizes.size()));
  for (const std::int64_t n : sizes) text += packed_integer(n);
  return text;
}

std::string record(std::initializer_list<const char*> key, const std::string& value) {
  std::string text = packed_array(2) + packed_array(static_cast<std::uint32_t>(key.size()));
  for (const char* part : key) text += packed_string(part);
  return text + packed_binary(static_cast<std::uint32_t>(value.size())) + value;
}

std::string chunked(const std::string& shape_map, std::initializer_list<std::string> chunks) {
  std::string text = packed_map(3) + packed_string("__msgpack_chunked_array__") + packed_true() +
                     packed_string("shape") + shape_map + packed_string("chunks") +
                     packed_map(static_cast<std::uint32_t>(chunks.size()));
  int i = 0;
  for (const std::string& chunk : chunks) text += packed_string(std::to_string(i++)) + chunk;
  return text;
}

std::string shape_map(std::initializer_list<std::int64_t> sizes) {
  std::string text = packed_map(static_cast<std::uint32_t>(sizes.size()));
  int i = 0;
  for (const std::int64_t n : sizes) text += packed_string(std::to_string(i++)) + packed_integer(n);
  return text;
}

std::string flat(std::uint32_t bytes) { return array(shape({bytes}), "uint8", bytes); }

const std::string kGood = record({"params", "a"}, array(shape({2, 3}), "bfloat16", 12)) +
                          record({"params", "b", "c"}, chunked(shape_map({2, 3}), {flat(4), flat(2)})) +
                          record({"step"}, packed_integer(70000)) +
                          record({"opt_state", "0"}, packed_map(0)) +
                          record({"opt_state", "1"}, array(packed_array(0), "uint32", 4, 3));

TEST(Tree, ReadsRecordsAndStopsAtTheirBytes) {
  const std::vector<Leaf> leaves = read(kGood);
  ASSERT_EQ(leaves.size(), 5U);
  EXPECT_EQ(path_text(leaves[0].path), "params/a");
  EXPECT_EQ(leaves[0].dtype, DType::bf16);
  EXPECT_EQ(leaves[0].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(leaves[0].data.parts.front().size(), 12U);
  EXPECT_EQ(leaves[1].data.parts.size(), 2U);
  EXPECT_EQ(leaves[1].data.part_bytes, 4);
  EXPECT_EQ(leaves[1].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_FALSE(leaves[2].is_array);
  EXPECT_EQ(leaves[2].text, "70000");
  EXPECT_EQ(leaves[3].text, "a map");
  EXPECT_EQ(leaves[4].type, "uint32");
  EXPECT_FALSE(leaves[4].dtype.has_value());
}

TEST(Tree, ReadsOneMapForAll) {
  const std::vector<Leaf> leaves =
      read(packed_map(2) + packed_string("a") + packed_map(1) + packed_string("b") + flat(3) +
           packed_string("c") + chunked(shape_map({3}), {flat(2), flat(1)}));
  ASSERT_EQ(leaves.size(), 2U);
  EXPECT_EQ(path_text(leaves[0].path), "a/b");
  EXPECT_EQ(path_text(leaves[1].path), "c");
  EXPECT_EQ(leaves[1].data.parts.size(), 2U);
}

struct Hostile {
  const char* name;
  std::string file;
  const char* message;  // a part of it
};

std::ostream& operator<<(std::ostream& out, const Hostile& hostile) { return out << hostile.name; }

class HostileTree : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileTree, IsRefusedByName) {
  const Hostile& hostile = GetParam();
  try {
    read(hostile.file);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt) << error.message();
    EXPECT_EQ(error.message().rfind("x.stream", 0), 0U) << error.message();
    EXPECT_NE(error.message().find(hostile.message), std::string::npos) << error.message();
    EXPECT_FALSE(error.hint().empty());
  }
}

std::string one(const std::string& value) { return record({"a"}, value); }

std::string nested(int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += packed_map(1) + packed_string("k");
  return text + packed_integer(1);
}

const std::string kKey = packed_array(2) + packed_array(1) + packed_string("a");

const std::vector<Hostile> kHostile = {
    {"Empty", "", "does not begin"},
    {"Text", "Dear aunt", "does not begin"},
    {"NeverFinished", std::string(100, '\0'), "does not begin"},
    {"KeyWithoutParts", packed_array(2) + packed_array(0) + packed_binary(0), "does not begin"},
    {"SecondRecordOfThree", kGood + packed_array(3) + std::string(3, '\0'), "not two items"},
    {"SecondRecordIsAText", kGood + packed_string("b"), "a text where a record should be"},
    {"KeyOfANumber", kGood + packed_array(2) + packed_array(1) + packed_integer(1) + packed_binary(0),
     "a whole number where a part of a key"},
    {"KeyOfThousandParts", kGood + packed_array(2) + packed_array(1000) + std::string(2000, '\xa0'),
     "1000 parts"},
    {"ValueIsAText", kKey + packed_string("b"), "a text where a record's value"},
    {"BytesLongerThanTheFile", kKey + packed_binary(1000) + "x", "1000 bytes should follow, and 1 are left"},
    {"BytesOf4GB", kKey + packed_binary(0xffffffff) + "x", "4294967295 bytes should follow"},
    {"ArrayOf4GItems", kGood + packed_array(0xffffffff), "claims 4294967295 items"},
    {"MapOf4GPairs", packed_map(1) + packed_string("a") + packed_map(0xffffffff) + "xx",
     "claims 4294967295 items"},
    {"TextOf4GB", kGood + packed_array(2) + packed_array(1) + "\xdb\xff\xff\xff\xff", "should follow"},
    {"UnknownFirstByte", kGood + "\xc1", "begins no MessagePack value"},
    {"NumberAbove63Bits", one("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "larger than any"},
    {"BytesAfterTheValue", one(packed_integer(1) + "x"), "bytes follow the value of \"a\""},
    {"BytesAfterTheMap", packed_map(1) + packed_string("a") + packed_integer(1) + "x",
     "bytes follow the map"},
    {"NoValue", one(""), "1 bytes should follow"},
    {"List", one(packed_array(1) + "\x01"), "is a list"},
    {"ForeignExtension", one(array(shape({1}), "uint8", 1, 7)), "an extension of type 7"},
    {"ArrayOfTwoParts", one(packed_extension(1, 2) + packed_array(2) + "\x01"), "items"},
    {"ShapeIsANumber", one(array(packed_integer(1), "uint8", 1)), "where a shape should be"},
    {"NegativeDimension", one(array(packed_array(1) + "\xff", "uint8", 1)), "more bytes than there can be"},
    {"DimensionsWrap", one(array(shape({std::int64_t{1} << 32, std::int64_t{1} << 32}), "uint8", 0)),
     "more bytes than there can be"},
    {"DimensionsWrapOfAForeignType", one(array(shape({std::int64_t{1} << 62, 4}), "uint32", 0)),
     "more bytes than there can be"},
    {"HugeDimension", one(array(shape({0x7fffffffffffffff}), "uint8", 1)),
     "its shape takes 9223372036854775807"},
    {"TooManyDimensions", one(array(packed_array(65) + std::string(65, '\x01'), "uint8", 1)),
     "64 dimensions"},
    {"FewerBytesThanTheShape", one(array(shape({2}), "float32", 4)), "has 4 bytes, but its shape takes 8"},
    {"MoreBytesThanTheShape", one(array(shape({1}), "float32", 8)), "has 8 bytes, but its shape takes 4"},
    {"LongType", one(array(shape({1}), std::string(65, 'x'), 1)), "64 letters"},
    {"BytesAfterTheArray",
     one(packed_extension(1, 12) + packed_array(3) + shape({1}) + packed_string("int8") + packed_binary(1) +
         "xy"),
     "bytes follow the array"},
    {"NameThatIsNoUtf8", record({"\xff"}, packed_integer(1)), "no UTF-8"},
    {"TooDeep", nested(40), "nested deeper than 32"},
    {"TooDeepInARecord", one(nested(2)), "nested deeper than 32"},
    {"SamePathTwice", one(packed_integer(1)) + one(packed_integer(2)), "\"a\" comes twice"},
    {"SameNameTwice",
     packed_map(2) + packed_string("a") + packed_integer(1) + packed_string("a") + packed_integer(2),
     "\"a\" comes twice"},
    {"ChunksWithoutShape",
     one(packed_map(2) + packed_string("__msgpack_chunked_array__") + packed_true() +
         packed_string("chunks") + packed_map(0)),
     "not three members"},
    {"NoChunks", one(chunked(shape_map({0}), {})), "has no chunks"},
    {"EmptyChunk", one(chunked(shape_map({1}), {flat(0), flat(1)})), "empty or larger"},
    {"GrowingChunks", one(chunked(shape_map({3}), {flat(1), flat(2)})), "empty or larger"},
    {"ShortChunkInTheMiddle", one(chunked(shape_map({5}), {flat(2), flat(1), flat(2)})),
     "shorter than the first"},
    {"ChunksOfTwoTypes", one(chunked(shape_map({2}), {flat(1), array(shape({1}), "int8", 1)})),
     "differ in type"},
    {"ChunksDontFillTheShape", one(chunked(shape_map({4}), {flat(2), flat(1)})), "has 3 bytes"},
    {"ChunkIsANumber", one(chunked(shape_map({1}), {packed_integer(1)})), "where a chunk should be"},
    {"ShapeNamesAnotherDimension",
     one(chunked(packed_map(1) + packed_string("1") + packed_integer(1), {flat(1)})), "'0' should be here"},
};

INSTANTIATE_TEST_SUITE_P(All, HostileTree, ::testing::ValuesIn(kHostile),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Tree, RefusesAFileThatWasCutAnywhere) {
  std::size_t whole = 0;
  for (std::size_t size = 0; size < kGood.size(); ++size) {
    try {
      read(kGood.substr(0, size));
      ++whole;  // cut between two records: nothing in the file says that more should follow
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt);
    }
  }
  EXPECT_EQ(whole, 4U);
}

TEST(Tree, SurvivesEveryFlippedBit) {
  for (std::size_t bit = 0; bit < 8 * kGood.size(); ++bit) {
    std::string file = kGood;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ (1 << bit % 8));
    try {
      read(file);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt) << error.message();
    }
  }
}

TEST(Msgpack, PacksEveryLengthInItsShortestForm) {
  for (const std::uint32_t n : {0U, 1U, 15U, 16U, 31U, 32U, 255U, 256U, 65535U, 65536U}) {
    const std::string text(n, 'x');
    for (const std::string& packed :
         {packed_string(text), packed_binary(n) + text, packed_extension(3, n) + text, packed_integer(n)}) {
      MsgpackReader reader(std::as_bytes(std::span(packed.data(), packed.size())), 0, "x");
      const Token token = reader.next();
      EXPECT_TRUE(reader.at_end());
      EXPECT_EQ(
          token.kind == TokenKind::integer ? static_cast<std::size_t>(token.integer) : token.payload.size(),
          n);
    }
  }
}

}  // namespace
}  // namespace easylm::stream
