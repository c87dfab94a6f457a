// Positions in JSON lines: exact in each packing, readable, EasyLM's too, and refused when they are not ours.
#include <limits>

#include "jsonl_fixture.h"

namespace easylm::datasets {
namespace {

class JsonlPositionTest : public JsonlTest, public ::testing::WithParamInterface<const char*> {
 protected:
  JsonlDataset::Config packed(std::int64_t length = 16, std::int64_t batch = 3) const {
    auto config = this->config(length, batch);
    config.packing = GetParam();
    config.packing_window = 7;
    config.long_documents = "cut";
    return config;
  }
};

INSTANTIATE_TEST_SUITE_P(Packings, JsonlPositionTest, ::testing::Values("concatenate", "best_fit", "none"));

TEST_P(JsonlPositionTest, SeekGoesOnExactlyWhereAPositionWasTaken) {
  write_many("a.jsonl", 40, 60);
  write("b.jsonl", "\n\nbad line\n");
  write_many("c.jsonl", 3, 60);
  const auto dataset = open(packed());
  RandomStream random(7, "test", 0);
  for (int i = 0; i < 40; ++i) {
    const DatasetPosition position = dataset->position();
    const auto expected = next_rows(*dataset, 4);
    auto config = packed();
    config.tokenizer_threads = i % 3;
    const auto resumed = open(config);
    resumed->seek(position);
    EXPECT_EQ(resumed->position().state, position.state);
    EXPECT_EQ(resumed->position().epoch, position.epoch);
    EXPECT_EQ(resumed->position().where, position.where);
    ASSERT_EQ(next_rows(*resumed, 4), expected) << "at batch " << position.batch << ", " << position.state;
    EXPECT_EQ(resumed->position().state, dataset->position().state);
    dataset->seek(position);
    next_rows(*dataset, static_cast<int>(random.below(4)));
  }
  EXPECT_GT(dataset->position().epoch, 0);
}

TEST_P(JsonlPositionTest, SeekWorksInAOncePassUpToItsEnd) {
  write_many("a.jsonl", 20, 30);
  const auto dataset = open(packed(), DatasetPass::once);
  std::vector<DatasetPosition> positions = {dataset->position()};
  std::vector<std::vector<Row>> batches;
  for (auto rows = next_rows(*dataset); !rows.empty(); rows = next_rows(*dataset)) {
    batches.push_back(rows);
    positions.push_back(dataset->position());
  }
  for (std::size_t i = 0; i < positions.size(); ++i) {
    dataset->seek(positions[i]);
    EXPECT_EQ(next_rows(*dataset), i < batches.size() ? batches[i] : std::vector<Row>{});
  }
}

TEST_P(JsonlPositionTest, ARunMayResumeOnAnotherNumberOfRanks) {
  write_many("a.jsonl", 50, 30);
  const auto alone = next_rows(*open(packed()), 8);
  const auto first = open(packed(), DatasetPass::endless, 0, 2);
  const auto second = open(packed(), DatasetPass::endless, 1, 2);
  next_rows(*first, 2);
  next_rows(*second, 2);
  EXPECT_EQ(first->position().batch, 4);
  EXPECT_EQ(second->position().state, first->position().state);
  const auto resumed = open(packed());
  resumed->seek(second->position());
  EXPECT_EQ(next_rows(*resumed, 4), std::vector<Row>(alone.begin() + 12, alone.end()));
}

TEST_P(JsonlPositionTest, RefusesPositionsThatAreNotItsOwnAndStaysWhereItIs) {
  write_many("a.jsonl", 50, 30);
  const auto dataset = open(packed());
  next_rows(*dataset, 5);
  const DatasetPosition good = dataset->position();
  std::vector<DatasetPosition> bad(4, good);
  bad[0].batch = -1;
  bad[1].batch += 1;
  bad[2].batch = std::numeric_limits<std::int64_t>::max();
  bad[3].epoch = -1;
  bad.push_back(good);
  bad.back().epoch = std::numeric_limits<std::int64_t>::max();
  const std::string tokens = " tokens=" + std::to_string(good.batch * dataset->tokens_per_batch());
  for (const char* state :
       {"", "file=0", "file=0 offset=1 line=0 example=0 used=0", "file=9 offset=0 line=0 example=0 used=0",
        "file=0 offset=-1 line=0 example=0 used=0", "file=0 offset=99999999 line=0 example=0 used=0",
        "file=1 offset=5 line=0 example=0 used=0", "file=0 offset=0 line=0 example=0 used=9999",
        "file=0 offset=0 line=9223372036854775807 example=0 used=0",
        "file=0 offset=0 line=0 example=0 used=1x", "file=0  offset=0 line=0 example=0 used=0"}) {
    bad.push_back(good);
    bad.back().state = state + tokens;
  }
  bad.push_back(good);
  bad.back().state += " ";
  for (const DatasetPosition& position : bad) {
    EXPECT_EQ(failure([&] { dataset->seek(position); }).code(), ErrorCode::corrupt) << position.state;
    EXPECT_EQ(dataset->position().state, good.state);
  }
  const auto expected = open(packed());
  next_rows(*expected, 5);
  EXPECT_EQ(next_rows(*dataset), next_rows(*expected));
}

TEST_F(JsonlTest, APositionNamesFileAndLine) {
  write_texts("a.jsonl", {6, 6});
  write_texts("b.jsonl", {6, 6});
  const auto dataset = open(config(16, 1));  // two documents a row
  EXPECT_EQ(dataset->position().where, "a.jsonl:1");
  EXPECT_EQ(dataset->position().state, "file=0 offset=0 line=0 example=0 used=0 tokens=0");
  next_rows(*dataset);
  EXPECT_EQ(dataset->position().where, "b.jsonl:1");
  EXPECT_EQ(dataset->position().state, "file=1 offset=0 line=0 example=2 used=0 tokens=16");
  next_rows(*dataset, 2);
  EXPECT_EQ(dataset->position().epoch, 1);
}

TEST_F(JsonlTest, StartsWhereAnEasyLmDatasetStood) {
  write_texts("a.jsonl", {6, 6, 6, 6});  // 19 bytes a line
  auto config = this->config(16, 1);
  config.start_seek_loc = 38;
  config.example_index_at_start = 2;
  config.tokens_count_at_start = 16;
  const auto dataset = open(config);
  EXPECT_EQ(dataset->position().state, "file=0 offset=38 line=0 example=2 used=0 tokens=16");
  const auto whole = open(this->config(16, 1));
  next_rows(*whole);
  EXPECT_EQ(next_rows(*dataset, 5), next_rows(*whole, 5)) << "it wraps around to the beginning";
  const DatasetPosition position = dataset->position();
  const auto expected = next_rows(*dataset, 3);
  dataset->seek(position);
  EXPECT_EQ(next_rows(*dataset, 3), expected);
  config.start_seek_loc = 37;
  const Error error = failure([&] { open(config); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_NE(error.message().find("no line of a.jsonl begins at byte 37"), std::string::npos)
      << error.message();
}

TEST_F(JsonlTest, RefusesALineThatIsNoLongerThere) {
  write_texts("a.jsonl", {30, 30});
  const auto dataset = open(config(8, 1));
  next_rows(*dataset, 2);
  const DatasetPosition position = dataset->position();
  write("a.jsonl", "bad\n{\"text\": \"x\"}\n");
  EXPECT_EQ(failure([&] { open(config(8, 1))->seek(position); }).code(), ErrorCode::corrupt);
}

TEST_F(JsonlTest, TheFingerprintIsOfContentAndSettingsNotOfThePlace) {
  write_texts("one/a.jsonl", {3, 4});
  write_texts("two/deeper/b.jsonl", {3, 4});
  auto first = config();
  first.path = {(folder_.path() / "one").string()};
  const std::string fingerprint = open(first)->fingerprint();
  auto second = first;
  second.path = {(folder_.path() / "two").string()};
  second.tokenizer_threads = 3;
  second.bad_examples = "fail";
  EXPECT_EQ(open(second)->fingerprint(), fingerprint);
  write_texts("two/deeper/b.jsonl", {3, 5});
  EXPECT_NE(open(second)->fingerprint(), fingerprint);
  for (const auto& change : std::vector<void (*)(JsonlDataset::Config&)>{
           [](auto& c) { c.fields = "text,text"; }, [](auto& c) { c.prepend_text = " "; },
           [](auto& c) { c.subfield_separator = ""; }, [](auto& c) { c.add_bos_token = false; },
           [](auto& c) { c.sequence_length = 9; }, [](auto& c) { c.batch_size = 3; },
           [](auto& c) { c.always_start_with_bos = true; }, [](auto& c) { c.packing = "best_fit"; }}) {
    auto changed = first;
    change(changed);
    EXPECT_NE(open(changed)->fingerprint(), fingerprint);
  }
}

}  // namespace
}  // namespace easylm::datasets
