// Parquet files: the same rows as JSON lines would give, exact positions, what is refused.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "byte/byte_tokenizer.h"
#include "datasets/batches.h"
#include "easylm/error.h"
#include "parquet/parquet_dataset.h"
#include "support/fake_host.h"
#include "support/temporary_folder.h"

namespace easylm::datasets {
namespace {

using Texts = std::vector<std::optional<std::string>>;

class ParquetTest : public ::testing::Test {
 protected:
  // Columns "n" (numbers) and "text".
  void write(const std::string& name, const Texts& texts, std::int64_t rows_per_group) {
    arrow::StringBuilder text;
    arrow::Int64Builder number;
    for (const auto& value : texts) {
      ASSERT_TRUE((value ? text.Append(*value) : text.AppendNull()).ok());
      ASSERT_TRUE(number.Append(1).ok());
    }
    const auto table = arrow::Table::Make(
        arrow::schema({arrow::field("n", arrow::int64()), arrow::field("text", arrow::utf8())}),
        {*number.Finish(), *text.Finish()});
    const auto path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    const auto file = *arrow::io::FileOutputStream::Open(path.string());
    ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), file, rows_per_group).ok());
    ASSERT_TRUE(file->Close().ok());
  }

  void write_many(const std::string& name, int count, std::int64_t rows_per_group) {
    Texts texts;
    for (int i = 0; i < count; ++i) {
      texts.emplace_back(std::string(static_cast<std::size_t>(i * 7 % 23), static_cast<char>('a' + i % 26)));
    }
    write(name, texts, rows_per_group);
  }

  ParquetDataset::Config config(std::int64_t length = 16, std::int64_t batch = 2) const {
    ParquetDataset::Config config;
    config.path = {folder_.path().string()};
    config.fields = "text";
    config.sequence_length = length;
    config.batch_size = batch;
    return config;
  }

  std::unique_ptr<ParquetDataset> open(const ParquetDataset::Config& config,
                                       DatasetPass pass = DatasetPass::endless) {
    auto dataset = std::make_unique<ParquetDataset>(host_, config);
    dataset->open({tokenizer_, pass});
    return dataset;
  }

  template <typename Action>
  static Error failure(Action&& action) {
    try {
      action();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return {ErrorCode::internal, "", ""};
  }

  static std::string trained_text(const std::vector<Row>& rows) {
    std::string text;
    for (const Row& row : rows) {
      for (std::size_t i = 0; i < row.targets.size(); ++i) {
        if (row.mask[i] > 0) text += row.targets[i] == 257 ? '$' : static_cast<char>(row.targets[i]);
      }
    }
    return text;
  }

  testing::TemporaryFolder folder_;
  testing::FakeHost host_;
  std::shared_ptr<const Tokenizer> tokenizer_ =
      std::make_shared<tokenizers::ByteTokenizer>(host_, tokenizers::ByteTokenizer::Config{});
};

TEST_F(ParquetTest, ReadsRowsOfAllGroupsAndFilesInOrder) {
  write("b.parquet", {"four", "five"}, 1);
  write("a.parquet", {"one", "two", "three"}, 2);
  EXPECT_EQ(trained_text(all_rows(*open(config(), DatasetPass::once))), "one$two$three$four$five$");
}

TEST_F(ParquetTest, ANullIsABadExample) {
  write("a.parquet", {"one", std::nullopt, "three"}, 8);
  const auto dataset = open(config(), DatasetPass::once);
  EXPECT_EQ(trained_text(all_rows(*dataset)), "one$three$");
  EXPECT_EQ(dataset->counts().bad, 1);
  auto strict = config();
  strict.bad_examples = "fail";
  EXPECT_EQ(failure([&] { all_rows(*open(strict, DatasetPass::once)); }).message(),
            "dataset parquet: a.parquet, row 2: the field 'text' is null, not a text");
}

TEST_F(ParquetTest, ANumberIsNoText) {
  write("a.parquet", {"one"}, 8);
  auto config = this->config();
  config.fields = "n";
  config.bad_examples = "fail";
  EXPECT_NE(failure([&] { next_rows(*open(config)); }).message().find("is a number, not a text"),
            std::string::npos);
}

TEST_F(ParquetTest, SeekGoesOnExactlyWhereAPositionWasTaken) {
  write_many("a.parquet", 50, 7);
  write_many("b.parquet", 20, 100);
  for (const char* packing : {"concatenate", "best_fit", "none"}) {
    auto config = this->config();
    config.packing = packing;
    config.packing_window = 9;
    config.long_documents = "cut";
    const auto dataset = open(config);
    for (int i = 0; i < 30; ++i) {
      const DatasetPosition position = dataset->position();
      const auto expected = next_rows(*dataset, 4);
      const auto resumed = open(config);
      resumed->seek(position);
      ASSERT_EQ(next_rows(*resumed, 4), expected) << position.state;
      EXPECT_EQ(resumed->position().state, dataset->position().state);
    }
    EXPECT_GT(dataset->position().epoch, 0);
  }
}

TEST_F(ParquetTest, NamesAColumnThatIsNotThere) {
  write("a.parquet", {"one"}, 8);
  auto config = this->config();
  config.fields = "[n],txt";
  const Error error = failure([&] { open(config); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_EQ(error.message(), "dataset parquet: a.parquet has no column 'txt', which `fields` names");
  EXPECT_EQ(error.hint(), "its columns: n, text");
}

TEST_F(ParquetTest, RefusesFilesThatAreNone) {
  for (const std::string& bytes : {std::string("PAR1"), std::string("no"), std::string(1000, 'x'),
                                   "PAR1" + std::string(100, '\xFF') + "PAR1"}) {
    std::ofstream(folder_.path() / "a.parquet", std::ios::binary) << bytes;
    const Error error = failure([&] { open(config()); });
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
    EXPECT_NE(error.message().find("a.parquet can't be read"), std::string::npos) << error.message();
  }
}

TEST_F(ParquetTest, RefusesPositionsBeyondItsRows) {
  write_many("a.parquet", 5, 2);
  const auto dataset = open(config());
  DatasetPosition position = dataset->position();
  for (const char* state : {"file=0 offset=6 line=6 example=0 used=0 tokens=0",
                            "file=0 offset=1 line=2 example=0 used=0 tokens=0",
                            "file=2 offset=0 line=0 example=0 used=0 tokens=0"}) {
    position.state = state;
    EXPECT_EQ(failure([&] { dataset->seek(position); }).code(), ErrorCode::corrupt) << state;
  }
}

}  // namespace
}  // namespace easylm::datasets
