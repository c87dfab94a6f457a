// Stored tokens give the rows that the text itself gives; damaged and foreign shards are refused.
#include <fstream>
#include <functional>
#include <iterator>

#include "easylm/token_shards.h"
#include "support/temporary_folder.h"
#include "text_fixture.h"
#include "tokens/tokens_dataset.h"

namespace easylm::datasets {
namespace {

namespace fs = std::filesystem;

class TokensTest : public TextTest {
 protected:
  TokensTest() {
    write("A.txt", "1");  // a text of one token, which is never a target
    write("a.txt", "When shall we three meet again?");
    write("b.txt", "");
    write("c.txt", "In thunder, lightning, or in rain?");
    write("d.txt", "When the hurlyburly's done");
  }

  TokenFacts store(const TextDataset::Config& config, std::int64_t shard_tokens = 40) {
    TextDataset text(host_, config);
    text.open_documents(tokenizer_);
    TokenShardWriter writer(shards_, tokenizer_->vocabulary_size(), shard_tokens);
    Document document;
    while (text.next_document(document)) writer.add(document);
    return writer.finish(
        {.target_bytes = text.document_bytes(), .tokenizer = tokenizer_->fingerprint(), .data = "plays"});
  }

  TokensDataset::Config stored(const TextDataset::Config& text) const {
    TokensDataset::Config config;
    static_cast<WindowConfig&>(config) = text;
    config.path = {shards_.string()};
    return config;
  }

  std::unique_ptr<TokensDataset> open_stored(const TokensDataset::Config& config,
                                             const DatasetOptions& options) {
    auto dataset = std::make_unique<TokensDataset>(host_, config);
    dataset->open(options);
    return dataset;
  }

  // What opening the shards and reading them says, after `change` was done to one of their files.
  std::string refusal_after(const std::string& file, const std::function<void(std::string&)>& change) {
    std::ifstream in(shards_ / file, std::ios::binary);
    const std::string before(std::istreambuf_iterator<char>(in), {});
    std::string after = before;
    change(after);
    std::ofstream(shards_ / file, std::ios::binary) << after;
    std::string said;
    try {
      const TokenShards shards(shards_);
      std::vector<TokenId> ids(static_cast<std::size_t>(shards.size()));
      std::vector<float> mask(ids.size());
      shards.read(0, ids, mask);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt) << error.message();
      EXPECT_FALSE(error.hint().empty());
      said = error.message();
    }
    std::ofstream(shards_ / file, std::ios::binary) << before;
    return said;
  }

  std::string manifest_with(const std::string& from, const std::string& to) {
    return refusal_after("tokens.json", [&](std::string& text) {
      const std::size_t at = text.find(from);
      ASSERT_NE(at, std::string::npos) << from;
      text.replace(at, from.size(), to);
    });
  }

  testing::TemporaryFolder stored_;
  fs::path shards_ = stored_.path() / "tokens";
};

TEST_F(TokensTest, GiveTheRowsThatTheTextGives) {
  for (const char* shuffle : {"none", "windows"}) {
    for (const DatasetPass pass : {DatasetPass::once, DatasetPass::endless}) {
      fs::remove_all(shards_);
      TextDataset::Config text = config(7, 2);
      text.shuffle = shuffle;
      text.add_bos = pass == DatasetPass::once;
      const TokenFacts facts = store(text);
      EXPECT_EQ(facts.documents, 4);
      const auto theirs = open(text, pass);
      const auto ours = open_stored(stored(text), {tokenizer_, pass, 0, 1});
      EXPECT_EQ(next(*ours, 9), next(*theirs, 9));
      EXPECT_EQ(ours->text_bytes(), theirs->text_bytes());
    }
  }
}

TEST_F(TokensTest, ShuffleWholeWindowsAndGoOnExactly) {
  const TextDataset::Config text = config(7, 2);
  store(text);
  const auto dataset = open_stored(stored(text), {tokenizer_, DatasetPass::endless, 0, 1});
  std::vector<std::vector<Row>> batches;
  std::vector<DatasetPosition> positions;
  for (int i = 0; i < 20; ++i) {
    positions.push_back(dataset->position());
    batches.push_back(next(*dataset));
  }
  EXPECT_NE(batches[0], batches[7]);
  for (std::size_t i = positions.size(); i-- > 0;) {
    dataset->seek(positions[i]);
    EXPECT_EQ(next(*dataset), batches[i]) << i;
  }
  for (std::int64_t rank = 0; rank < 2; ++rank) {
    const auto part = open_stored(stored(text), {tokenizer_, DatasetPass::endless, rank, 2});
    for (std::size_t i = 0; i < 10; ++i)
      EXPECT_EQ(next(*part), batches[2 * i + static_cast<std::size_t>(rank)]);
  }
}

TEST_F(TokensTest, KnowDocumentsLossAndPlaces) {
  TokenShardWriter writer(shards_, 70000, 4);  // ids of four bytes
  writer.add({{1, 69999, 3}, {0, 1, 1}});
  writer.add({});
  writer.add({{4, 5}, {1, 0}});
  writer.add({{6}, {1}});
  const TokenFacts facts = writer.finish({.target_bytes = 11, .tokenizer = "t", .data = "d"});
  EXPECT_EQ(facts.tokens, 6);
  EXPECT_EQ(facts.documents, 3);
  const TokenShards shards(shards_);
  std::vector<TokenId> ids(6);
  std::vector<float> mask(6);
  shards.read(0, ids, mask);
  EXPECT_EQ(ids, (std::vector<TokenId>{1, 69999, 3, 4, 5, 6}));
  EXPECT_EQ(mask, (std::vector<float>{0, 1, 1, 1, 0, 1}));
  EXPECT_EQ(shards.where(0), "document 0, token 0");
  EXPECT_EQ(shards.where(4), "document 1, token 1");
  EXPECT_EQ(shards.where(5), "document 2, token 0");
  EXPECT_EQ(shards.target_bytes(), 11);
  ASSERT_EQ(shards.document_lengths().size(), 3U);
  EXPECT_TRUE(fs::exists(shards_ / "00001.ids"));
}

TEST_F(TokensTest, AreThereWholeOrNotAtAll) {
  {
    TokenShardWriter writer(shards_, 300);
    writer.add({{1, 2, 3}, {1, 1, 1}});
  }
  EXPECT_TRUE(fs::is_empty(stored_.path()));
  store(config());
  EXPECT_THROW(store(config()), Error) << "there is something already";
  EXPECT_EQ(std::distance(fs::directory_iterator(stored_.path()), {}), 1);
  EXPECT_THROW(TokenShardWriter(stored_.path() / "x.json", 300), Error);
}

TEST_F(TokensTest, RefuseWhatCannotBeStored) {
  TokenShardWriter writer(shards_, 300);
  EXPECT_THROW(writer.add({{300}, {1}}), Error);
  EXPECT_THROW(writer.add({{-1}, {1}}), Error);
  EXPECT_THROW(writer.add({{1}, {0.5}}), Error);
  writer.add({{1}, {1}});
  EXPECT_THROW(writer.finish({}), Error) << "one token has no target";
}

TEST_F(TokensTest, AreOfOneTokenizer) {
  store(config());
  const auto open_with_another = [&] {
    open_stored(stored(config()), {plain_tokenizer_, DatasetPass::once, 0, 1});
  };
  EXPECT_THROW(open_with_another(), Error);
}

TEST_F(TokensTest, AreComparedWhenTheyAreFirstUsed) {
  store(config());
  std::ofstream(shards_ / "00001.ids", std::ios::binary | std::ios::in).put('\x7f');
  const TokenShards shards(shards_);
  TokenId id = 0;
  float mask = 0;
  EXPECT_NO_THROW(shards.read(0, {&id, 1}, {&mask, 1})) << "it lies in another shard";
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_THROW(shards.read(shards.size() - 1, {&id, 1}, {&mask, 1}), Error);
    EXPECT_THROW(shards.document_lengths(), Error);
  }
}

TEST_F(TokensTest, AreRefusedWhereTheyAreDamaged) {
  store(config());
  EXPECT_EQ(refusal_after("tokens.json", [](std::string&) {}), "");
  for (const char* file : {"00000.ids", "00000.loss", "00001.ends"}) {
    EXPECT_NE(refusal_after(file, [](std::string& bytes) { bytes[1] ^= 4; }).find(file), std::string::npos);
    EXPECT_NE(refusal_after(file, [](std::string& bytes) { bytes.pop_back(); }).find(file),
              std::string::npos);
    EXPECT_NE(refusal_after(file, [](std::string& bytes) { bytes += '\0'; }).find(file), std::string::npos);
  }
  EXPECT_NE(manifest_with("easylm.tokens/1", "easylm.tokens/9").find("easylm.tokens/9"), std::string::npos);
  EXPECT_NE(manifest_with("\"tokens\": ", "\"tokens\": 9").find("do not add up"), std::string::npos);
  EXPECT_NE(manifest_with("\"documents\": ", "\"documents\": -").find("documents"), std::string::npos);
  EXPECT_NE(manifest_with("\"vocabulary_size\": 2", "\"vocabulary_size\": 9223372036854775807, \"x\": 2"),
            "");
  EXPECT_NE(manifest_with("\"crc32c_ids\": ", "\"crc32c_ids\": 99").find("crc32c_ids"), std::string::npos);
  EXPECT_NE(manifest_with("{", "").find("tokens.json"), std::string::npos);
  fs::remove(shards_ / "tokens.json");
  EXPECT_THROW(TokenShards{shards_}, Error);
}

}  // namespace
}  // namespace easylm::datasets
