// SentencePiece models: ids beside those of the library's own Python package, added tokens, and bad files.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "easylm/json.h"
#include "easylm/tokenizer.h"
#include "support/paths.h"
#include "support/plugin_host.h"
#include "support/temporary_folder.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

const fs::path kVectors = testing::source_folder() / "tests/fixtures/vectors";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

std::vector<TokenId> ids_in(const Value& list) {
  std::vector<TokenId> ids;
  for (const Value& id : *list.as<List>()) ids.push_back(static_cast<TokenId>(*id.as<std::int64_t>()));
  return ids;
}

class SentencePiece : public ::testing::Test {
 protected:
  std::shared_ptr<Tokenizer> open(const fs::path& path, const std::string& type = "sentencepiece") {
    return host_.make<Tokenizer>(testing::table_of(type, {{"path", {path.string(), {}}}}));
  }
  std::shared_ptr<Tokenizer> open_bytes(const std::string& bytes) {
    write_file(folder_.path() / "tokenizer.model", bytes);
    return open(folder_.path());
  }
  std::string refusal(const std::string& bytes) {
    try {
      open_bytes(bytes);
    } catch (const Error& e) {
      EXPECT_TRUE(e.code() == ErrorCode::corrupt || e.code() == ErrorCode::not_found) << e.message();
      EXPECT_FALSE(e.hint().empty());
      return e.message();
    }
    return "";
  }

  const std::string bpe_ = read_file(kVectors / "sentencepiece_bpe_symbols.model");
  const std::string unigram_ = read_file(kVectors / "sentencepiece_unigram_bytes.model");
  testing::TemporaryFolder folder_;
  testing::PluginHost host_;
};

TEST_F(SentencePiece, GivesTheIdsAndTextsOfTheLibrary) {
  const Table vectors = parse_json_object(read_file(kVectors / "sentencepiece.json"), "vectors");
  const List& texts = *vectors.find("texts")->as<List>();
  for (const std::string name : {"bpe_symbols", "unigram_bytes"}) {
    const auto tokenizer = open(kVectors / ("sentencepiece_" + name + ".model"));
    const Table& expected = *vectors.find(name)->as<Table>();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string text = from_hex(*texts[i].as<std::string>());
      std::vector<TokenId> ids;
      tokenizer->encode(text, ids);
      EXPECT_EQ(ids, ids_in((*expected.find("ids")->as<List>())[i])) << name << ": " << text;
      EXPECT_EQ(tokenizer->decode(ids),
                from_hex(*(*expected.find("decoded")->as<List>())[i].as<std::string>()));
    }
  }
}

TEST_F(SentencePiece, GivesEachByteTokenItsOwnByte) {
  const auto tokenizer = open_bytes(bpe_);
  const Encoding encoding = extension_of<TextEncoder>(*tokenizer)->encode_text("a \U0001F9EC", {});
  ASSERT_GE(encoding.ids.size(), 4U);
  std::string bytes;
  for (std::size_t i = encoding.ids.size() - 4; i < encoding.ids.size(); ++i) {
    const auto at = static_cast<std::int64_t>(2 + bytes.size());
    EXPECT_EQ(encoding.offsets[i].begin, at);
    EXPECT_EQ(encoding.offsets[i].end, at + 1);
    bytes += tokenizer->token_bytes(encoding.ids[i]);
  }
  EXPECT_EQ(bytes, "\U0001F9EC");
}

TEST_F(SentencePiece, FindsControlPiecesInATextOnlyWhenAsked) {
  const auto tokenizer = open_bytes(bpe_);
  const auto* encoder = extension_of<TextEncoder>(*tokenizer);
  EXPECT_EQ(encoder->encode_text("</s>", {SpecialText::as_tokens, SpecialMarks::none}).ids,
            std::vector<TokenId>{2});
  EXPECT_EQ(encoder->encode_text("</s>", {SpecialText::as_tokens, SpecialMarks::added}).ids,
            (std::vector<TokenId>{1, 2}));
  std::vector<TokenId> plain;
  tokenizer->encode("</s>", plain);
  EXPECT_EQ(std::ranges::count(plain, 2), 0);
  EXPECT_EQ(tokenizer->decode(plain), "</s>");
}

TEST_F(SentencePiece, TakesSpecialTokensFromTheFilesBesideTheModel) {
  write_file(
      folder_.path() / "tokenizer_config.json",
      R"({"eos_token": "<|end|>", "added_tokens_decoder": {"500": {"content": "<|end|>", "special": true}}})");
  write_file(folder_.path() / "generation_config.json", R"({"eos_token_id": [2, 500]})");
  const auto tokenizer = open_bytes(bpe_);
  EXPECT_EQ(tokenizer->vocabulary_size(), 501);
  EXPECT_EQ(tokenizer->special().bos, 1);
  EXPECT_EQ(tokenizer->special().eos, 500);
  EXPECT_EQ(tokenizer->special().pad, 3);
  EXPECT_EQ(tokenizer->special().stop, (std::vector<TokenId>{2, 500}));
  EXPECT_EQ(tokenizer->token_bytes(500), "<|end|>");
}

TEST_F(SentencePiece, RefusesSpecialTokensOfAnotherModel) {
  write_file(folder_.path() / "tokenizer_config.json", R"({"eos_token": "<|end|>"})");
  EXPECT_NE(refusal(bpe_).find("'<|end|>'"), std::string::npos);
  write_file(folder_.path() / "tokenizer_config.json", "{}");
  write_file(folder_.path() / "generation_config.json", R"({"eos_token_id": 128001})");
  EXPECT_NE(refusal(bpe_).find("128001"), std::string::npos);
}

TEST_F(SentencePiece, IsTheSameWhereItsFilesWereWritten) {
  const auto tokenizer = open_bytes(bpe_);
  const fs::path copy = folder_.path() / "copy";
  fs::create_directory(copy);
  for (const NamedFile& file : tokenizer->files()) write_file(copy / file.name, file.bytes);
  EXPECT_TRUE(fs::exists(copy / "tokenizer.json"));
  EXPECT_EQ(open(copy)->fingerprint(), tokenizer->fingerprint());
  EXPECT_NE(open_bytes(unigram_)->fingerprint(), tokenizer->fingerprint());
}

TEST_F(SentencePiece, RefusesWhatIsCutOffAnywhere) {
  for (std::size_t size = 0; size < unigram_.size(); size += 1 + size / 20) {
    refusal(unigram_.substr(0, size));  // a cut between two pieces may leave a model: nothing must crash
  }
  EXPECT_NE(refusal(""), "");
  EXPECT_NE(refusal(unigram_.substr(0, 1000)), "");
}

TEST_F(SentencePiece, SurvivesAnyChangedByte) {
  std::uint64_t seed = 1;
  for (int i = 0; i < 400; ++i) {
    std::string bytes = i % 2 == 0 ? unigram_ : bpe_;
    for (int k = 0; k < 3; ++k) {
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      bytes[(seed >> 33U) % bytes.size()] = static_cast<char>(seed >> 25U);
    }
    write_file(folder_.path() / "tokenizer.model", bytes);
    try {
      std::vector<TokenId> ids;
      open(folder_.path())->encode("Grüße, 世界 \U0001F9EC e\u0301 ﬁ", ids);
    } catch (const Error& e) {
      EXPECT_NE(e.code(), ErrorCode::plugin) << e.message();
    }
  }
}

TEST_F(SentencePiece, SaysThatAFolderHasNoModel) {
  write_file(folder_.path() / "tokenizer_config.json", "{}");
  try {
    open(folder_.path());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::not_found);
  }
  EXPECT_NE(refusal("IQ== 0\nIg== 1\n").find("no SentencePiece model"), std::string::npos);  // tiktoken's
}

TEST_F(SentencePiece, RefusesUnknownIds) {
  const auto tokenizer = open_bytes(bpe_);
  for (const TokenId id : {-1, 500, 1 << 30}) {
    EXPECT_THROW(tokenizer->token_bytes(id), Error);
    EXPECT_THROW(tokenizer->decode(std::span(&id, 1)), Error);
  }
}

TEST_F(SentencePiece, IsFoundByTheTokenizerAuto) {
  const auto plain = open_bytes(unigram_);
  const auto automatic = open(folder_.path(), "auto");
  EXPECT_EQ(automatic->fingerprint(), plain->fingerprint());
  EXPECT_NE(extension_of<TextEncoder>(*automatic), nullptr);
}

TEST_F(SentencePiece, AutoSaysWhyEachTokenizerRefused) {
  write_file(folder_.path() / "tokenizer_config.json", "{}");
  try {
    open(folder_.path(), "auto");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::not_found);
    EXPECT_NE(e.message().find("tokenizer 'sentencepiece'"), std::string::npos) << e.message();
  }
}

}  // namespace
}  // namespace easylm
