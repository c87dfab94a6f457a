// Mixtures: which row comes from where, positions, what is refused.
#include <algorithm>
#include <limits>
#include <map>

#include "jsonl_fixture.h"
#include "mixture/mixture_dataset.h"

namespace easylm::datasets {
namespace {

// Makes the datasets that a mixture asks for: its table's type is the folder, with jsonl's other settings.
class MixingHost : public testing::FakeHost {
 public:
  using FakeHost::FakeHost;

  std::shared_ptr<Component> make_component(std::string_view /*kind*/, const Table& table) override {
    return std::make_shared<JsonlDataset>(*this, configs.at(table.type));
  }
  std::map<std::string, JsonlDataset::Config> configs;
};

class MixtureTest : public JsonlTest {
 protected:
  MixtureTest() {
    write_many("a/a.jsonl", 40, 30);
    write_many("b/b.jsonl", 25, 30);
    write_many("c/c.jsonl", 10, 30);
    for (const char* name : {"a", "b", "c"}) {
      auto config = this->config(16, 4);
      config.path = {(folder_.path() / name).string()};
      mixing_.configs[name] = config;
    }
  }

  std::unique_ptr<MixtureDataset> mix(const std::vector<std::pair<std::string, double>>& weights,
                                      DatasetPass pass = DatasetPass::endless, std::int64_t rank = 0,
                                      std::int64_t world = 1) {
    MixtureDataset::Config config;
    for (const auto& [name, weight] : weights) {
      Table table;
      table.type = name;
      config.sources.push_back({name, {weight, table}});
    }
    auto mixture = std::make_unique<MixtureDataset>(mixing_, config);
    mixture->open({tokenizer_, pass, rank, world});
    return mixture;
  }

  std::vector<Row> rows_of(const std::string& name, int num_batches) {
    return next_rows(*open(mixing_.configs.at(name)), num_batches);
  }

  MixingHost mixing_;
};

const std::vector<std::pair<std::string, double>> kWeights = {{"a", 3}, {"b", 1}, {"c", 0.5}};

TEST_F(MixtureTest, TakesEachSourcesRowsInTheirOrderByWeight) {
  const auto mixture = mix(kWeights);
  const auto rows = next_rows(*mixture, 300);
  std::map<std::string, std::vector<Row>> expected;
  std::map<std::string, std::size_t> taken;
  for (const char* name : {"a", "b", "c"}) expected[name] = rows_of(name, 300);
  for (const Row& row : rows) {
    const auto from = std::ranges::find_if(
        expected, [&](const auto& entry) { return entry.second[taken[entry.first]] == row; });
    ASSERT_NE(from, expected.end()) << "a row is no source's next one";
    ++taken[from->first];
  }
  EXPECT_NEAR(static_cast<double>(taken["a"]) / 1200, 3 / 4.5, 0.05);
  EXPECT_NEAR(static_cast<double>(taken["b"]) / 1200, 1 / 4.5, 0.05);
}

TEST_F(MixtureTest, TheChoiceDependsOnTheSeedAlone) {
  const auto rows = next_rows(*mix(kWeights), 20);
  EXPECT_EQ(next_rows(*mix(kWeights), 20), rows);
  MixingHost other(43);
  other.configs = mixing_.configs;
  MixtureDataset::Config config;
  for (const auto& [name, weight] : kWeights) {
    Table table;
    table.type = name;
    config.sources.push_back({name, {weight, table}});
  }
  MixtureDataset mixture(other, config);
  mixture.open({tokenizer_});
  EXPECT_NE(next_rows(mixture, 20), rows);
}

TEST_F(MixtureTest, AOncePassHasAllRowsOfAllSources) {
  std::string expected;
  for (const char* name : {"a", "b", "c"}) {
    expected += trained_text(all_rows(*open(mixing_.configs.at(name), DatasetPass::once)));
  }
  EXPECT_EQ(trained_text(all_rows(*mix(kWeights, DatasetPass::once))), expected);
}

TEST_F(MixtureTest, SeekGoesOnExactlyWhereAPositionWasTaken) {
  mixing_.configs["b"].packing = "best_fit";
  mixing_.configs["b"].long_documents = "cut";
  for (const DatasetPass pass : {DatasetPass::endless, DatasetPass::once}) {
    const auto mixture = mix(kWeights, pass);
    for (int i = 0; i < 15; ++i) {
      const DatasetPosition position = mixture->position();
      const auto expected = next_rows(*mixture, 3);
      const auto resumed = mix(kWeights, pass);
      resumed->seek(position);
      EXPECT_EQ(resumed->position().state, position.state);
      ASSERT_EQ(next_rows(*resumed, 3), expected) << position.state;
      mixture->seek(position);
      next_rows(*mixture);
    }
  }
}

TEST_F(MixtureTest, TheUnionOverRanksDoesNotDependOnTheirNumber) {
  for (const DatasetPass pass : {DatasetPass::endless, DatasetPass::once}) {
    const auto alone = next_rows(*mix(kWeights, pass), 12);
    for (const std::int64_t world : {2, 3}) {
      std::vector<std::unique_ptr<MixtureDataset>> ranks;
      for (std::int64_t rank = 0; rank < world; ++rank) ranks.push_back(mix(kWeights, pass, rank, world));
      std::vector<Row> together;
      for (std::int64_t step = 0; step < 12 / world; ++step) {
        for (const auto& rank : ranks) {
          for (Row& row : next_rows(*rank)) together.push_back(std::move(row));
        }
      }
      EXPECT_EQ(together, alone) << world << " ranks";
    }
  }
}

TEST_F(MixtureTest, RowsOfSourcesWithoutSegmentsAreOneDocument) {
  mixing_.configs["a"].packing = "best_fit";
  mixing_.configs["a"].long_documents = "cut";
  for (const Row& row : next_rows(*mix(kWeights), 10)) EXPECT_EQ(row.segments.size(), 16U);
  mixing_.configs["a"].packing = "concatenate";
  for (const Row& row : next_rows(*mix(kWeights), 10)) EXPECT_TRUE(row.segments.empty());
}

TEST_F(MixtureTest, RefusesSourcesOfDifferentShapesAndNone) {
  mixing_.configs["b"].batch_size = 3;
  const Error error = failure([&] { mix(kWeights); });
  EXPECT_EQ(error.message(),
            "dataset mixture: batches of 'a' have 4 rows of 16 tokens, those of 'b' 3 rows of 16");
  EXPECT_EQ(failure([&] { mix({}); }).code(), ErrorCode::invalid_config);
}

TEST_F(MixtureTest, NamesTheSourceThatDoesNotOpen) {
  mixing_.configs["c"].path = {"/nowhere"};
  EXPECT_TRUE(failure([&] { mix(kWeights); }).message().starts_with("source 'c': dataset jsonl: /nowhere"));
}

TEST_F(MixtureTest, RefusesPositionsThatAreNotItsOwnAndStaysWhereItIs) {
  const auto mixture = mix(kWeights);
  next_rows(*mixture, 7);
  const DatasetPosition good = mixture->position();
  const auto replaced = [&](const std::string& from, const std::string& to) {
    DatasetPosition bad = good;
    bad.state.replace(bad.state.find(from), from.size(), to);
    return bad;
  };
  std::vector<DatasetPosition> bad = {replaced("\"a\"", "\"x\""),
                                      replaced("\"state\": \"file=", "\"state\": \"f="),
                                      replaced("\"rows_taken\": ", "\"rows_taken\": 9"),
                                      replaced("\"batch\"", "\"Batch\""), mix({{"a", 1}})->position()};
  bad.push_back(good);
  bad.back().state = "{}";
  bad.push_back(good);
  bad.back().state = "file=0";
  bad.push_back(good);
  bad.back().epoch = 99;
  bad.push_back(good);
  bad.back().batch = std::numeric_limits<std::int64_t>::max();
  for (const DatasetPosition& position : bad) {
    EXPECT_EQ(failure([&] { mixture->seek(position); }).code(), ErrorCode::corrupt) << position.state;
    EXPECT_EQ(mixture->position().state, good.state);
  }
}

TEST_F(MixtureTest, TheFingerprintIsOfWeightsAndSources) {
  const std::string fingerprint = mix(kWeights)->fingerprint();
  EXPECT_EQ(mix(kWeights)->fingerprint(), fingerprint);
  EXPECT_NE(mix({{"a", 3}, {"b", 1}, {"c", 0.25}})->fingerprint(), fingerprint);
  EXPECT_NE(mix({{"a", 3}, {"b", 1}})->fingerprint(), fingerprint);
  write_many("c/c.jsonl", 11, 30);
  EXPECT_NE(mix(kWeights)->fingerprint(), fingerprint);
}

TEST_F(MixtureTest, CountsAreTheSumOverItsSources) {
  const auto mixture = mix(kWeights, DatasetPass::once);
  all_rows(*mixture);
  const DatasetCounts counts = extension_of<DatasetCounter>(*mixture)->counts();
  EXPECT_EQ(counts.documents, 75);
  std::int64_t documents = 0;
  for (const LengthCount& entry : counts.lengths) documents += entry.documents;
  EXPECT_EQ(documents, 75);
}

}  // namespace
}  // namespace easylm::datasets
