// The byte tokenizer: exact for any bytes, and what it writes for transformers.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <numeric>

#include "byte/byte_tokenizer.h"
#include "support/fake_host.h"

namespace easylm::tokenizers {
namespace {

class ByteTokenizerTest : public ::testing::Test {
 protected:
  static std::vector<TokenId> ids_of(const Tokenizer& tokenizer, std::string_view text) {
    std::vector<TokenId> ids;
    tokenizer.encode(text, ids);
    return ids;
  }
  static boost::json::object file(const Tokenizer& tokenizer, std::string_view name) {
    for (const NamedFile& file : tokenizer.files()) {
      if (file.name == name) return boost::json::parse(file.bytes).as_object();
    }
    ADD_FAILURE() << "no file " << name;
    return {};
  }

  testing::FakeHost host_;
  ByteTokenizer tokenizer_{host_, {.special_tokens = true}};
  ByteTokenizer plain_{host_, {.special_tokens = false}};
};

TEST_F(ByteTokenizerTest, GivesEachByteItsOwnId) {
  std::string all(256, '\0');
  std::iota(all.begin(), all.end(), '\0');
  std::vector<TokenId> expected(256);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(ids_of(tokenizer_, all), expected);
  EXPECT_EQ(tokenizer_.decode(expected), all);
}

TEST_F(ByteTokenizerTest, AppendsToWhatIsThere) {
  std::vector<TokenId> ids = {7};
  tokenizer_.encode("é", ids);
  EXPECT_EQ(ids, (std::vector<TokenId>{7, 0xC3, 0xA9}));
}

TEST_F(ByteTokenizerTest, KeepsBytesThatAreNotUtf8) {
  const std::string broken = "\xFF\xC3(\x80";
  EXPECT_EQ(tokenizer_.decode(ids_of(tokenizer_, broken)), broken);
}

TEST_F(ByteTokenizerTest, ReadsNoSpecialTokenInTheText) {
  EXPECT_EQ(ids_of(tokenizer_, "<|eos|>").size(), 7U);
}

TEST_F(ByteTokenizerTest, LeavesSpecialTokensOutOfDecodedText) {
  const std::vector<TokenId> ids = {256, 'h', 'i', 257};
  EXPECT_EQ(tokenizer_.decode(ids), "hi");
  EXPECT_EQ(tokenizer_.token_bytes(256), "<|bos|>");
  EXPECT_EQ(tokenizer_.token_bytes(257), "<|eos|>");
}

TEST_F(ByteTokenizerTest, StopsAtTheEndToken) {
  EXPECT_EQ(tokenizer_.vocabulary_size(), 258);
  EXPECT_EQ(tokenizer_.special().bos, 256);
  EXPECT_EQ(tokenizer_.special().eos, 257);
  EXPECT_EQ(tokenizer_.special().pad, std::nullopt);
  EXPECT_EQ(tokenizer_.special().stop, std::vector<TokenId>{257});
}

TEST_F(ByteTokenizerTest, HasOnlyBytesWithoutSpecialTokens) {
  EXPECT_EQ(plain_.vocabulary_size(), 256);
  EXPECT_EQ(plain_.special().bos, std::nullopt);
  EXPECT_EQ(plain_.special().eos, std::nullopt);
  EXPECT_TRUE(plain_.special().stop.empty());
  EXPECT_NE(plain_.fingerprint(), tokenizer_.fingerprint());
}

TEST_F(ByteTokenizerTest, RefusesUnknownIds) {
  const std::vector<TokenId> unknown = {-1, 258};
  for (const TokenId id : unknown) {
    EXPECT_THROW(tokenizer_.token_bytes(id), Error) << id;
    EXPECT_THROW(tokenizer_.decode(std::span(&id, 1)), Error) << id;
  }
  EXPECT_THROW(plain_.token_bytes(256), Error);
}

// GPT-2's byte alphabet at its corners: '!' is itself, space is U+0120, newline U+010A, 0xAD (the last of the
// bytes that are not printable) U+0143.
TEST_F(ByteTokenizerTest, WritesAVocabularyInTheByteLevelAlphabet) {
  const auto json = file(tokenizer_, "tokenizer.json");
  const auto& model = json.at("model").as_object();
  EXPECT_EQ(model.at("type"), "BPE");
  EXPECT_TRUE(model.at("merges").as_array().empty());
  const auto& vocabulary = model.at("vocab").as_object();
  EXPECT_EQ(vocabulary.size(), 256U);
  EXPECT_EQ(vocabulary.at("!"), 0x21);
  EXPECT_EQ(vocabulary.at("\""), 0x22);
  EXPECT_EQ(vocabulary.at("\\"), 0x5C);
  EXPECT_EQ(vocabulary.at("\u0100"), 0);
  EXPECT_EQ(vocabulary.at("\u010A"), 0x0A);
  EXPECT_EQ(vocabulary.at("\u0120"), 0x20);
  EXPECT_EQ(vocabulary.at("\u0121"), 0x7F);
  EXPECT_EQ(vocabulary.at("\u0143"), 0xAD);
  EXPECT_EQ(vocabulary.at("\u00FF"), 0xFF);
}

TEST_F(ByteTokenizerTest, WritesPreTokenizerAndSpecialTokensForTransformers) {
  const auto json = file(tokenizer_, "tokenizer.json");
  const auto& pre = json.at("pre_tokenizer").as_object();
  EXPECT_EQ(pre.at("type"), "ByteLevel");
  EXPECT_EQ(pre.at("add_prefix_space"), false);
  EXPECT_EQ(pre.at("use_regex"), false);
  EXPECT_EQ(json.at("decoder").as_object().at("type"), "ByteLevel");
  const auto& added = json.at("added_tokens").as_array();
  ASSERT_EQ(added.size(), 2U);
  EXPECT_EQ(added[0].as_object().at("id"), 256);
  EXPECT_EQ(added[1].as_object().at("content"), "<|eos|>");
  const auto config = file(tokenizer_, "tokenizer_config.json");
  EXPECT_EQ(config.at("tokenizer_class"), "PreTrainedTokenizerFast");
  EXPECT_EQ(config.at("bos_token"), "<|bos|>");
  EXPECT_EQ(config.at("split_special_tokens"), true);
  EXPECT_EQ(file(tokenizer_, "special_tokens_map.json").at("eos_token"), "<|eos|>");
}

TEST_F(ByteTokenizerTest, WritesNoSpecialTokenThatItDoesNotHave) {
  EXPECT_TRUE(file(plain_, "tokenizer.json").at("added_tokens").as_array().empty());
  EXPECT_FALSE(file(plain_, "tokenizer_config.json").contains("eos_token"));
  EXPECT_TRUE(file(plain_, "special_tokens_map.json").empty());
}

}  // namespace
}  // namespace easylm::tokenizers
