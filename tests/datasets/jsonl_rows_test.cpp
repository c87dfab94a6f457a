// What is in the rows of JSON lines, in each packing and on each rank.
#include <algorithm>
#include <map>

#include "jsonl_fixture.h"

namespace easylm::datasets {
namespace {

using Ints = std::vector<std::int32_t>;

TEST_F(JsonlTest, ReadsAFolderInTheOrderOfNamesAndOverBlankLines) {
  write("b.jsonl", "{\"text\": \"c\"}\r\n\n  \n{\"text\": \"d\"}");  // no newline at the end
  write("a/1.jsonl", "{\"text\": \"a\"}\n");
  write("a/2.jsonl", "");
  write("notes.txt", "x");
  EXPECT_EQ(trained_text(all_rows(*open(config(), DatasetPass::once))), "a$c$d$");
  EXPECT_TRUE(host_.logged(LogLevel::info, "files of another kind are not read"));
}

TEST_F(JsonlTest, ReadsLinesLongerThanItsBlocks) {
  write_texts("a.jsonl", {5, 3'000'000, 1'100'000, 2});
  auto config = this->config(1 << 16, 8);
  EXPECT_EQ(trained_text(all_rows(*open(config, DatasetPass::once))).size(),
            5U + 3'000'000 + 1'100'000 + 2 + 4);
}

TEST_F(JsonlTest, AOncePassSeesEveryTargetOnceInEveryPacking) {
  write_many("a.jsonl", 100, 20);
  const std::string expected = trained_text(all_rows(*open(config(1000, 1), DatasetPass::once)));
  for (const char* packing : {"concatenate", "best_fit", "none"}) {
    auto config = this->config(8, 3);
    config.packing = packing;
    config.long_documents = "cut";
    const auto rows = all_rows(*open(config, DatasetPass::once));
    EXPECT_EQ(rows.size() % 3, 0U);
    std::string text = trained_text(rows);
    if (config.packing != "best_fit") {
      EXPECT_EQ(text, expected) << packing;
    }
    std::string sorted = expected;
    std::ranges::sort(text);
    std::ranges::sort(sorted);
    EXPECT_EQ(text, sorted) << packing;
  }
}

TEST_F(JsonlTest, AlwaysStartWithBosOverwritesTheFirstColumnOfInputs) {
  write_texts("a.jsonl", {30, 30});
  auto config = this->config(8, 2);
  const auto plain = next_rows(*open(config), 3);
  config.always_start_with_bos = true;
  auto rows = next_rows(*open(config), 3);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].inputs[0], 256);
    rows[i].inputs[0] = plain[i].inputs[0];
    EXPECT_EQ(rows[i], plain[i]);
  }
  config.packing = "best_fit";
  EXPECT_THROW(JsonlDataset(host_, config), Error);
}

TEST_F(JsonlTest, BestFitPutsWholeDocumentsIntoTheFullestRowWithRoom) {
  write_texts("a.jsonl", {1, 5, 2, 1, 3});  // with their marks 2, 6, 3, 2 and 4 places
  auto config = this->config(8, 3);
  config.packing = "best_fit";
  const auto rows = next_rows(*open(config, DatasetPass::once));
  const std::int32_t b = 256;
  const std::int32_t e = 257;
  EXPECT_EQ(rows[0].inputs, (Ints{b, 'a', b, 'b', 'b', 'b', 'b', 'b'}));
  EXPECT_EQ(rows[0].targets, (Ints{'a', e, 'b', 'b', 'b', 'b', 'b', e}));
  EXPECT_EQ(rows[0].segments, (Ints{0, 0, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(rows[0].mask, std::vector<float>(8, 1));
  EXPECT_EQ(rows[1].inputs, (Ints{b, 'c', 'c', b, 'e', 'e', 'e', 0}));
  EXPECT_EQ(rows[1].segments, (Ints{0, 0, 0, 1, 1, 1, 1, 2}));
  EXPECT_EQ(rows[1].mask, (std::vector<float>{1, 1, 1, 1, 1, 1, 1, 0}));
  EXPECT_EQ(rows[2].inputs, (Ints{b, 'd', 0, 0, 0, 0, 0, 0}));
}

TEST_F(JsonlTest, BestFitPacksNoWorseThanOneDocumentARowAndNoDocumentCrossesARow) {
  write_many("a.jsonl", 300, 14);
  auto config = this->config(16, 1);
  config.packing = "none";
  const auto single = all_rows(*open(config, DatasetPass::once));
  config.packing = "best_fit";
  const auto packed = all_rows(*open(config, DatasetPass::once));
  EXPECT_EQ(single.size(), 300U);
  EXPECT_LT(packed.size(), 190U);
  for (const Row& row : packed) {
    for (std::size_t i = 0; i < row.inputs.size(); ++i) {
      const bool begins = i == 0 || row.segments[i] != row.segments[i - 1];
      if (row.mask[i] == 0) continue;
      EXPECT_EQ(row.inputs[i], begins ? 256 : row.targets[i - 1]);
    }
  }
}

TEST_F(JsonlTest, LongDocumentsFailAreCutOrDroppedAndAreCounted) {
  write_texts("a.jsonl", {3, 20, 4});
  auto config = this->config(8, 1);
  config.packing = "none";
  const Error error = failure([&] { all_rows(*open(config, DatasetPass::once)); });
  EXPECT_EQ(error.message(), "dataset jsonl: a.jsonl:2: the document has 22 tokens, and a row takes 9");
  config.long_documents = "cut";
  auto dataset = open(config, DatasetPass::once);
  EXPECT_EQ(trained_text(all_rows(*dataset)), "aaa$" + std::string(20, 'b') + "$cccc$");
  EXPECT_EQ(dataset->counts().cut, 1);
  EXPECT_EQ(dataset->counts().places, 5 * 8);
  EXPECT_EQ(dataset->counts().padding, 40 - 4 - 21 - 5);
  config.long_documents = "drop";
  dataset = open(config, DatasetPass::once);
  EXPECT_EQ(trained_text(all_rows(*dataset)), "aaa$cccc$");
  EXPECT_EQ(dataset->counts().dropped, 1);
}

TEST_F(JsonlTest, SaysThatNoDocumentFits) {
  write_texts("a.jsonl", {30, 20});
  auto config = this->config(8, 1);
  config.packing = "best_fit";
  config.packing_window = 1;
  config.long_documents = "drop";
  EXPECT_NE(failure([&] { next_rows(*open(config)); }).message().find("without a document that fits"),
            std::string::npos);
}

TEST_F(JsonlTest, ARowWithoutLossIsAnErrorThatNamesItsPlaceUnlessItIsAllowed) {
  write("a.jsonl", R"({"p": "x", "c": "yyyyyyyyyyyyy"})"
                   "\n"
                   R"({"p": "pppppppppppppppppppp", "c": "z"})");
  for (const char* packing : {"concatenate", "none"}) {
    auto config = this->config(8, 1);
    config.fields = "[p],c";
    config.packing = packing;
    config.long_documents = "cut";
    const Error error = failure([&] { all_rows(*open(config, DatasetPass::once)); });
    EXPECT_NE(error.message().find("a.jsonl:2: the row of 8 tokens"), std::string::npos) << error.message();
    config.untrained_rows = "allow";
    EXPECT_EQ(trained_text(all_rows(*open(config, DatasetPass::once))), "yyyyyyyyyyyyy$z$");
  }
}

TEST_F(JsonlTest, RowsDoNotDependOnTheNumberOfThreads) {
  write_many("a.jsonl", 700, 40);
  write_many("b.jsonl", 300, 40);
  for (const char* packing : {"concatenate", "best_fit", "none"}) {
    auto config = this->config(16, 3);
    config.packing = packing;
    config.long_documents = "cut";
    const auto alone = open(config);
    const auto expected = next_rows(*alone, 500);
    for (const int threads : {1, 2, 5}) {
      config.tokenizer_threads = threads;
      const auto dataset = open(config);
      EXPECT_EQ(next_rows(*dataset, 500), expected) << packing << ", " << threads << " threads";
      EXPECT_EQ(dataset->position().state, alone->position().state);
      EXPECT_EQ(dataset->counts().documents, alone->counts().documents);
    }
  }
}

TEST_F(JsonlTest, TheUnionOverRanksDoesNotDependOnTheirNumber) {
  write_many("a.jsonl", 60, 12);
  for (const char* packing : {"concatenate", "best_fit", "none"}) {
    auto config = this->config(16, 2);
    config.packing = packing;
    for (const DatasetPass pass : {DatasetPass::endless, DatasetPass::once}) {
      const auto alone = next_rows(*open(config, pass), 12);
      for (const std::int64_t world : {2, 3, 4}) {
        std::vector<std::unique_ptr<JsonlDataset>> ranks;
        for (std::int64_t rank = 0; rank < world; ++rank) ranks.push_back(open(config, pass, rank, world));
        std::vector<Row> together;
        for (std::int64_t step = 0; step < 12 / world; ++step) {
          for (const auto& rank : ranks) {
            for (Row& row : next_rows(*rank)) together.push_back(std::move(row));
          }
        }
        EXPECT_EQ(together, alone) << packing << ", " << world << " ranks";
      }
    }
  }
}

TEST_F(JsonlTest, RanksOfAOncePassGetEquallyManyBatches) {
  write_texts("a.jsonl", std::vector<int>(10, 6));
  for (const char* packing : {"concatenate", "best_fit"}) {
    auto config = this->config(8, 2);
    config.packing = packing;
    std::string all;
    for (std::int64_t rank = 0; rank < 3; ++rank) {
      const auto rows = all_rows(*open(config, DatasetPass::once, rank, 3));
      EXPECT_EQ(rows.size(), 4U) << packing;
      all += trained_text(rows);
    }
    EXPECT_EQ(all.size(), 70U) << packing;
  }
}

TEST_F(JsonlTest, CountsDocumentsAndTheirLengths) {
  write_texts("a.jsonl", {3, 5, 3});
  const auto dataset = open(config(), DatasetPass::once);
  all_rows(*dataset);
  const DatasetCounts counts = extension_of<DatasetCounter>(*dataset)->counts();
  EXPECT_EQ(counts.documents, 3);
  EXPECT_EQ(counts.tokens, 11 + 6);
  ASSERT_EQ(counts.lengths.size(), 2U);
  EXPECT_EQ(counts.lengths[0].length, 5);
  EXPECT_EQ(counts.lengths[0].documents, 2);
  EXPECT_EQ(counts.places - counts.padding, 16);
}

}  // namespace
}  // namespace easylm::datasets
