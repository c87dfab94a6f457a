// A folder of text files and a dataset over it.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "batches.h"
#include "byte/byte_tokenizer.h"
#include "support/fake_host.h"
#include "text/text_dataset.h"

namespace easylm::datasets {

class TextTest : public ::testing::Test {
 protected:
  TextTest()
      : folder_(std::filesystem::path(::testing::TempDir()) / ("easylm_text_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~TextTest() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  TextDataset::Config config(std::int64_t length = 4, std::int64_t batch = 2) const {
    TextDataset::Config config;
    config.path = {folder_.string()};
    config.sequence_length = length;
    config.batch_size = batch;
    return config;
  }

  std::unique_ptr<TextDataset> open(const TextDataset::Config& config,
                                    DatasetPass pass = DatasetPass::endless, std::int64_t rank = 0,
                                    std::int64_t world = 1) {
    auto dataset = std::make_unique<TextDataset>(host_, config);
    dataset->open({tokenizer_, pass, rank, world});
    return dataset;
  }

  // The error that opening gives.
  Error failure(const TextDataset::Config& config) {
    try {
      open(config);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "the dataset opened";
    return {ErrorCode::internal, "", ""};
  }

  static std::vector<Row> next(Dataset& dataset) { return next_rows(dataset); }
  static std::vector<Row> next(Dataset& dataset, int num_batches) { return next_rows(dataset, num_batches); }

  // The targets with mask 1, as text; <|eos|> is shown as $.
  static std::string seen(const std::vector<Row>& rows) {
    std::string text;
    for (const Row& row : rows) {
      for (std::size_t i = 0; i < row.targets.size(); ++i) {
        if (row.mask[i] != 0) text += row.targets[i] == 257 ? '$' : static_cast<char>(row.targets[i]);
      }
    }
    return text;
  }

  std::filesystem::path folder_;
  testing::FakeHost host_;
  std::shared_ptr<const Tokenizer> tokenizer_ =
      std::make_shared<tokenizers::ByteTokenizer>(host_, tokenizers::ByteTokenizer::Config{});
  std::shared_ptr<const Tokenizer> plain_tokenizer_ = std::make_shared<tokenizers::ByteTokenizer>(
      host_, tokenizers::ByteTokenizer::Config{.special_tokens = false});
};

}  // namespace easylm::datasets
