// Lines and files that can't be used are named, counted, left out or refused.
#include <fstream>

#include "jsonl_fixture.h"

namespace easylm::datasets {
namespace {

const char* const kMixed =
    "{\"text\": \"a\"}\n"
    "{\"text\": \n"
    "[1]\n"
    "{\"other\": \"x\"}\n"
    "{\"text\": 5}\n"
    "{\"text\": \"b\"}\n";

// Keeps the pairs of what is logged.
class ListeningHost : public testing::FakeHost {
 public:
  void log(LogLevel level, std::string_view word, std::string_view message,
           std::span<const LogPair> pairs) override {
    FakeHost::log(level, word, message, pairs);
    for (const LogPair& pair : pairs) {
      if (const auto* text = std::get_if<std::string_view>(&pair.value)) heard.emplace_back(*text);
    }
  }
  std::vector<std::string> heard;
};

TEST_F(JsonlTest, SkipsBadLinesNamesEachAndCountsThem) {
  write("a.jsonl", kMixed);
  for (const int threads : {0, 2}) {
    auto config = this->config();
    config.tokenizer_threads = threads;
    ListeningHost host;
    JsonlDataset dataset(host, config);
    dataset.open({tokenizer_, DatasetPass::once});
    EXPECT_EQ(trained_text(all_rows(dataset)), "a$b$");
    EXPECT_EQ(dataset.counts().bad, 4);
    EXPECT_TRUE(host.logged(LogLevel::warning, "skipped a bad example"));
    ASSERT_EQ(host.heard.size(), 4U);
    EXPECT_TRUE(host.heard[0].starts_with("a.jsonl:2: the line is not valid JSON")) << host.heard[0];
    EXPECT_EQ(host.heard[1], "a.jsonl:3: the line is a list, not an object");
    EXPECT_EQ(host.heard[2], "a.jsonl:4: there is no field 'text'");
    EXPECT_EQ(host.heard[3], "a.jsonl:5: the field 'text' is a number, not a text");
  }
}

TEST_F(JsonlTest, FailsAtTheFirstBadLineIfToldTo) {
  write("a.jsonl", kMixed);
  auto config = this->config();
  config.bad_examples = "fail";
  for (const int threads : {0, 2}) {
    config.tokenizer_threads = threads;
    const Error error = failure([&] { all_rows(*open(config, DatasetPass::once)); });
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
    EXPECT_TRUE(error.message().starts_with("dataset jsonl: a.jsonl:2: the line is not valid JSON"))
        << error.message();
  }
}

TEST_F(JsonlTest, ManyBadLinesAreReportedAHundredTimes) {
  std::string lines = "{\"text\": \"a\"}\n";
  for (int i = 0; i < 500; ++i) lines += "bad\n";
  write("a.jsonl", lines);
  ListeningHost host;
  JsonlDataset dataset(host, config());
  dataset.open({tokenizer_, DatasetPass::once});
  all_rows(dataset);
  EXPECT_EQ(dataset.counts().bad, 500);
  EXPECT_EQ(host.heard.size(), 101U);
  EXPECT_TRUE(host.logged(LogLevel::warning, "further bad examples"));
}

TEST_F(JsonlTest, SaysThatNoLineCanBeUsed) {
  write("a.jsonl", "{\"Text\": \"a\"}\n{\"Text\": \"b\"}\n");
  for (const DatasetPass pass : {DatasetPass::endless, DatasetPass::once}) {
    for (const int threads : {0, 2}) {
      auto config = this->config();
      config.tokenizer_threads = threads;
      const Error error = failure([&] { next_rows(*open(config, pass)); });
      EXPECT_EQ(error.code(), ErrorCode::invalid_config);
      EXPECT_NE(error.message().find("that were met are bad"), std::string::npos) << error.message();
    }
  }
}

TEST_F(JsonlTest, SaysThatThereIsNothingToRead) {
  EXPECT_EQ(failure([&] { open(config()); }).code(), ErrorCode::not_found);
  write("a.txt", "x");
  EXPECT_NE(failure([&] { open(config()); }).message().find("no *.jsonl file"), std::string::npos);
  write("a.jsonl", " \n\n");
  for (const DatasetPass pass : {DatasetPass::endless, DatasetPass::once}) {
    EXPECT_NE(failure([&] { next_rows(*open(config(), pass)); }).message().find("no example to read"),
              std::string::npos);
  }
  auto missing = config();
  missing.path = {"/nowhere/at/all"};
  EXPECT_EQ(failure([&] { open(missing); }).message(), "dataset jsonl: /nowhere/at/all does not exist");
}

TEST_F(JsonlTest, RefusesAnAlwaysBosWithoutABeginToken) {
  write_texts("a.jsonl", {3});
  tokenizer_ = plain_tokenizer_;
  auto config = this->config();
  config.add_bos_token = config.add_eos_token = false;
  config.always_start_with_bos = true;
  EXPECT_NE(failure([&] { open(config); }).message().find("no begin token"), std::string::npos);
}

TEST_F(JsonlTest, TheFingerprintOfALargeFileSeesItsEndsAndItsSize) {
  const auto path = write("a.jsonl", "");
  std::filesystem::resize_file(path, 100U << 20U);  // sparse
  const std::vector<DataFile> files = {{path, "a.jsonl"}};
  const std::string before = content_fingerprint(files);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp((100 << 20) - 1);
  file << 'x';
  file.flush();
  const std::string changed = content_fingerprint(files);
  EXPECT_NE(changed, before);
  file.seekp(0);
  file << 'x';
  file.flush();
  EXPECT_NE(content_fingerprint(files), changed);
  std::filesystem::resize_file(path, (100U << 20U) - 1);
  EXPECT_NE(content_fingerprint(files), before);
}

}  // namespace
}  // namespace easylm::datasets
