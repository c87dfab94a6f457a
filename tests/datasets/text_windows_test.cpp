// What is in the rows, in which order, and on which rank.
#include <algorithm>
#include <set>

#include "text_fixture.h"

namespace easylm::datasets {
namespace {

std::string letters(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

TEST_F(TextTest, TargetsAreTheInputsOneTokenLater) {
  write("a.txt", "abcdefgh");
  auto config = this->config(4, 1);
  config.shuffle = "none";
  const auto dataset = open(config);
  const auto rows = next(*dataset, 2);
  EXPECT_EQ(rows[0].inputs, (std::vector<std::int32_t>{'a', 'b', 'c', 'd'}));
  EXPECT_EQ(rows[0].targets, (std::vector<std::int32_t>{'b', 'c', 'd', 'e'}));
  EXPECT_EQ(rows[1].inputs, (std::vector<std::int32_t>{'e', 'f', 'g', 'h'}));
  EXPECT_EQ(rows[1].targets, (std::vector<std::int32_t>{'f', 'g', 'h', 257}));
}

TEST_F(TextTest, AOncePassSeesEveryTokenButTheFirstExactlyOnceInOrder) {
  for (const int size : {2, 8, 9, 10, 33}) {
    write("a.txt", letters(size));
    auto config = this->config(4, 2);
    config.add_eos = false;
    const auto dataset = open(config, DatasetPass::once);
    std::vector<Row> rows;
    for (auto batch = next(*dataset); !batch.empty(); batch = next(*dataset)) {
      EXPECT_EQ(batch.size(), 2U);
      rows.insert(rows.end(), batch.begin(), batch.end());
    }
    EXPECT_EQ(seen(rows), letters(size).substr(1)) << size << " letters";
    EXPECT_TRUE(next(*dataset).empty()) << "an exhausted pass began again";
    EXPECT_EQ(dataset->position().where, "end");
  }
}

TEST_F(TextTest, PadsWithMaskZeroAndValidTokens) {
  write("a.txt", "abcdef");
  auto config = this->config(4, 2);
  config.add_eos = false;
  const auto rows = next(*open(config, DatasetPass::once));
  EXPECT_EQ(rows[1].inputs, (std::vector<std::int32_t>{'e', 0, 0, 0}));
  EXPECT_EQ(rows[1].targets, (std::vector<std::int32_t>{'f', 0, 0, 0}));
  EXPECT_EQ(rows[1].mask, (std::vector<float>{1, 0, 0, 0}));
}

TEST_F(TextTest, AnEndlessPassHasEveryWindowOncePerEpochInANewOrderEachTime) {
  write("a.txt", letters(26 * 4));
  auto config = this->config(4, 1);
  config.add_eos = false;
  const auto dataset = open(config);
  const auto in_order = next(*open(config, DatasetPass::once), 26);
  const auto first = next(*dataset, 26);
  const auto second = next(*dataset, 26);
  EXPECT_NE(first, in_order);
  EXPECT_NE(second, first);
  for (auto epoch : {first, second}) {
    EXPECT_TRUE(std::is_permutation(epoch.begin(), epoch.end(), in_order.begin(), in_order.end()));
  }
}

TEST_F(TextTest, TheOrderDependsOnTheSeedAlone) {
  write("a.txt", letters(400));
  const auto rows = next(*open(config()), 30);
  EXPECT_EQ(next(*open(config()), 30), rows);
  testing::FakeHost other_seed(43);
  TextDataset dataset(other_seed, config());
  dataset.open({tokenizer_});
  EXPECT_NE(next(dataset, 30), rows);
}

TEST_F(TextTest, BatchesRunOnAcrossEpochs) {
  write("a.txt", letters(13));  // 3 windows of 4 targets
  auto config = this->config(4, 2);
  config.add_eos = false;
  config.shuffle = "none";
  const auto dataset = open(config);
  EXPECT_EQ(seen(next(*dataset, 3)), letters(13).substr(1) + letters(13).substr(1));
  EXPECT_EQ(dataset->position().epoch, 2);
}

TEST_F(TextTest, ATextShorterThanABatchIsRepeatedWithinIt) {
  write("a.txt", "ab");
  auto config = this->config(4, 3);
  config.add_eos = false;
  EXPECT_EQ(seen(next(*open(config))), "bbb");
  EXPECT_TRUE(host_.logged(LogLevel::warning, "shorter than one row"));
}

TEST_F(TextTest, TheUnionOverRanksDoesNotDependOnTheirNumber) {
  write("a.txt", letters(333));
  const auto alone = next(*open(config()), 12);
  for (const std::int64_t world : {2, 3, 4}) {
    std::vector<std::unique_ptr<TextDataset>> ranks;
    for (std::int64_t rank = 0; rank < world; ++rank) {
      ranks.push_back(open(config(), DatasetPass::endless, rank, world));
    }
    std::vector<Row> together;
    for (std::int64_t step = 0; step < 12 / world; ++step) {
      for (const auto& rank : ranks) {
        for (Row& row : next(*rank)) together.push_back(std::move(row));
      }
    }
    EXPECT_EQ(together, alone) << world << " ranks";
  }
}

TEST_F(TextTest, RanksOfAOncePassGetEquallyManyBatches) {
  write("a.txt", letters(41));  // 10 windows: 5 batches of 2
  auto config = this->config(4, 2);
  config.add_eos = false;
  std::multiset<char> all;
  for (std::int64_t rank = 0; rank < 3; ++rank) {
    const auto dataset = open(config, DatasetPass::once, rank, 3);
    const auto rows = next(*dataset, 2);
    EXPECT_EQ(rows.size(), 4U);
    EXPECT_TRUE(next(*dataset).empty());
    for (const char c : seen(rows)) all.insert(c);
  }
  const std::string expected = letters(41).substr(1);
  EXPECT_EQ(all, std::multiset<char>(expected.begin(), expected.end()));
}

TEST_F(TextTest, PutsTheEndTokenAfterEachFileIfThereIsOne) {
  write("a.txt", "ab");
  write("b.txt", "cd");
  const auto rows = next(*open(config(8, 1), DatasetPass::once));
  EXPECT_EQ(seen(rows), "b$cd$");
  tokenizer_ = plain_tokenizer_;
  EXPECT_EQ(seen(next(*open(config(8, 1), DatasetPass::once))), "bcd");
}

TEST_F(TextTest, ABeginTokenIsSeenButIsNoTarget) {
  write("a.txt", "ab");
  write("b.txt", "cd");
  auto config = this->config(7, 1);
  config.add_bos = true;
  const auto rows = next(*open(config, DatasetPass::once));
  EXPECT_EQ(rows[0].inputs, (std::vector<std::int32_t>{256, 'a', 'b', 257, 256, 'c', 'd'}));
  EXPECT_EQ(rows[0].mask, (std::vector<float>{1, 1, 1, 0, 1, 1, 1}));
  EXPECT_EQ(seen(rows), "ab$cd$");
}

TEST_F(TextTest, CountsTheBytesBehindItsTargets) {
  write("a.txt", "abc");
  write("b.txt", "def");
  auto config = this->config();
  EXPECT_EQ(open(config)->text_bytes(), 5) << "the first byte is never a target";
  config.add_bos = true;
  EXPECT_EQ(open(config)->text_bytes(), 6);
}

}  // namespace
}  // namespace easylm::datasets
