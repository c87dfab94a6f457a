// A folder of JSON lines and a dataset over it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "batches.h"
#include "byte/byte_tokenizer.h"
#include "easylm/error.h"
#include "jsonl/jsonl_dataset.h"
#include "support/fake_host.h"
#include "support/temporary_folder.h"

namespace easylm::datasets {

class JsonlTest : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) {
    const auto path = folder_.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // Lines {"text": …} of so many letters each.
  void write_texts(const std::string& name, const std::vector<int>& lengths) {
    std::string lines;
    char letter = 'a';
    for (const int length : lengths) {
      lines += R"({"text": ")" + std::string(static_cast<std::size_t>(length), letter) + "\"}\n";
      letter = letter == 'z' ? 'a' : static_cast<char>(letter + 1);
    }
    write(name, lines);
  }

  // `count` lines of 0 to `longest` letters.
  void write_many(const std::string& name, int count, int longest) {
    std::vector<int> lengths;
    RandomStream random(1, name, 0);
    for (int i = 0; i < count; ++i) {
      lengths.push_back(static_cast<int>(random.below(static_cast<std::uint64_t>(longest) + 1)));
    }
    write_texts(name, lengths);
  }

  JsonlDataset::Config config(std::int64_t length = 8, std::int64_t batch = 2) const {
    JsonlDataset::Config config;
    config.path = {folder_.path().string()};
    config.fields = "text";
    config.sequence_length = length;
    config.batch_size = batch;
    config.tokenizer_threads = 0;
    return config;
  }

  std::unique_ptr<JsonlDataset> open(const JsonlDataset::Config& config,
                                     DatasetPass pass = DatasetPass::endless, std::int64_t rank = 0,
                                     std::int64_t world = 1) {
    auto dataset = std::make_unique<JsonlDataset>(host_, config);
    dataset->open({tokenizer_, pass, rank, world});
    return dataset;
  }

  // What `action` throws.
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

  testing::TemporaryFolder folder_;
  testing::FakeHost host_;
  std::shared_ptr<const Tokenizer> tokenizer_ =
      std::make_shared<tokenizers::ByteTokenizer>(host_, tokenizers::ByteTokenizer::Config{});
  std::shared_ptr<const Tokenizer> plain_tokenizer_ = std::make_shared<tokenizers::ByteTokenizer>(
      host_, tokenizers::ByteTokenizer::Config{.special_tokens = false});
};

// Targets with mask above 0 as text; the end token is shown as $, the begin token as ^.
inline std::string trained_text(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.targets.size(); ++i) {
      if (row.mask[i] == 0) continue;
      text += row.targets[i] == 257 ? '$' : row.targets[i] == 256 ? '^' : static_cast<char>(row.targets[i]);
    }
  }
  return text;
}

}  // namespace easylm::datasets
