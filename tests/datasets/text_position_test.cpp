// Positions: exact, small, readable, and refused when they are not ours.
#include <limits>

#include "text_fixture.h"

namespace easylm::datasets {
namespace {

TEST_F(TextTest, SeekGoesOnExactlyWhereAPositionWasTaken) {
  write("a.txt", std::string(200, 'x') + "yz" + std::string(99, 'w'));
  const auto dataset = open(config());
  for (int i = 0; i < 60; ++i) {
    const DatasetPosition position = dataset->position();
    const auto expected = next(*dataset, 3);
    const auto resumed = open(config());
    resumed->seek(position);
    EXPECT_EQ(next(*resumed, 3), expected) << "at batch " << position.batch;
    dataset->seek(position);
    next(*dataset);
  }
}

TEST_F(TextTest, ARunMayResumeOnAnotherNumberOfRanks) {
  write("a.txt", std::string(100, 'x') + "abcdefghijklmnopqrstuvwxyz");
  const auto alone = next(*open(config()), 8);
  const auto first = open(config(), DatasetPass::endless, 0, 2);
  const auto second = open(config(), DatasetPass::endless, 1, 2);
  next(*first, 2);
  next(*second, 2);
  EXPECT_EQ(first->position().batch, 4);
  EXPECT_EQ(second->position().batch, 4);
  const auto resumed = open(config());
  resumed->seek(second->position());
  EXPECT_EQ(next(*resumed, 4), std::vector<Row>(alone.begin() + 8, alone.end()));
}

TEST_F(TextTest, SeekReachesFarPositionsAtOnce) {
  write("a.txt", std::string(100, 'x'));
  const auto dataset = open(config());
  DatasetPosition far = dataset->position();
  far.batch = 1'000'000'000'000;
  far.epoch = far.batch * 2 / 25;
  EXPECT_THROW(dataset->seek(far), Error) << "its state is of another epoch";
  auto unshuffled = config();
  unshuffled.shuffle = "none";
  const auto plain = open(unshuffled);
  far.state.clear();
  plain->seek(far);
  EXPECT_EQ(plain->position().batch, far.batch);
  EXPECT_EQ(next(*plain, 1), next(*open(unshuffled), 1));
}

TEST_F(TextTest, RefusesPositionsThatAreNotItsOwn) {
  write("a.txt", std::string(100, 'x'));
  const auto dataset = open(config());
  next(*dataset, 5);
  const DatasetPosition good = dataset->position();
  std::vector<DatasetPosition> bad(4, good);
  bad[0].batch = -1;
  bad[1].epoch += 1;
  bad[2].batch = std::numeric_limits<std::int64_t>::max();
  bad[3].state = "order 0";
  for (const DatasetPosition& position : bad) {
    try {
      dataset->seek(position);
      ADD_FAILURE() << "went to batch " << position.batch << ", epoch " << position.epoch;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt);
    }
  }
  EXPECT_EQ(dataset->position().batch, good.batch) << "a refused position moved the stream";
}

TEST_F(TextTest, RefusesAnEpochThatTheBatchIsNotIn) {
  write("a.txt", std::string(100, 'x'));
  auto config = this->config();
  config.shuffle = "none";
  const auto dataset = open(config);
  DatasetPosition position = dataset->position();
  position.epoch = 1;
  EXPECT_THROW(dataset->seek(position), Error);
}

TEST_F(TextTest, RefusesAPositionOfAnotherSeed) {
  write("a.txt", std::string(100, 'x'));
  testing::FakeHost other_seed(43);
  TextDataset other(other_seed, config());
  other.open({tokenizer_});
  EXPECT_THROW(open(config())->seek(other.position()), Error);
}

TEST_F(TextTest, NamesFileAndByteOfABatch) {
  write("a.txt", std::string(3000, 'x'));
  write("b.txt", std::string(3000, 'y'));
  auto config = this->config(100, 1);
  config.shuffle = "none";
  config.add_bos = true;  // b.txt begins at token 3002; its text one later
  const auto dataset = open(config);
  EXPECT_EQ(dataset->position().where, "a.txt, byte 0");
  TokenBatch batch;
  for (int i = 0; i <= 21; ++i) dataset->next(batch);
  EXPECT_EQ(batch.first.where, "a.txt, byte 2099");
  for (int i = 22; i <= 30; ++i) dataset->next(batch);
  EXPECT_EQ(batch.first.where, "a.txt, byte 2999");
  dataset->next(batch);
  EXPECT_EQ(batch.first.where, "b.txt, byte 97");
  EXPECT_EQ(batch.first.batch, 31);
}

TEST_F(TextTest, TheFingerprintIsOfContentAndSettingsNotOfThePlace) {
  write("one/a.txt", "some text");
  write("two/deeper/b.txt", "some text");
  auto first = config();
  first.path = {(folder_ / "one").string()};
  const std::string fingerprint = open(first)->fingerprint();
  auto second = first;
  second.path = {(folder_ / "two").string()};
  EXPECT_EQ(open(second)->fingerprint(), fingerprint);

  write("two/deeper/b.txt", "some Text");
  EXPECT_NE(open(second)->fingerprint(), fingerprint);
  write("two/deeper/b.txt", "some ");
  write("two/deeper/c.txt", "text");
  EXPECT_NE(open(second)->fingerprint(), fingerprint) << "the border between files moved";
  for (const auto setting : {&TextDataset::Config::sequence_length, &TextDataset::Config::batch_size}) {
    auto changed = first;
    changed.*setting += 1;
    EXPECT_NE(open(changed)->fingerprint(), fingerprint);
  }
  auto changed = first;
  changed.add_eos = false;
  EXPECT_NE(open(changed)->fingerprint(), fingerprint);
  changed = first;
  changed.shuffle = "none";
  EXPECT_NE(open(changed)->fingerprint(), fingerprint);
  tokenizer_ = plain_tokenizer_;
  EXPECT_NE(open(first)->fingerprint(), fingerprint);
}

}  // namespace
}  // namespace easylm::datasets
