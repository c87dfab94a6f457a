// Which files are read, and what is said about those that can't be.
#include "text_fixture.h"

namespace easylm::datasets {
namespace {

namespace fs = std::filesystem;

TEST_F(TextTest, ReadsAFolderRecursivelySortedByRelativePath) {
  write("b.txt", "2");
  write("a/z.txt", "1");
  write("c/a/x.txt", "3");
  write("c/b.txt", "4");
  write("notes.md", "not text");
  EXPECT_EQ(seen(next(*open(config(16, 1), DatasetPass::once))), "$2$3$4$");
  EXPECT_TRUE(host_.logged(LogLevel::info, "files that are not *.txt are not read"));
}

TEST_F(TextTest, ReadsASingleFileWhateverItsName) {
  auto config = this->config(16, 1);
  config.path = {write("corpus.text", "hello").string()};
  EXPECT_EQ(seen(next(*open(config, DatasetPass::once))), "ello$");
}

TEST_F(TextTest, KeepsBytesThatAreNotUtf8) {
  write("a.txt", std::string("a\xFF\0\r\n", 5));
  EXPECT_EQ(seen(next(*open(config(16, 1), DatasetPass::once))), std::string("\xFF\0\r\n$", 5));
}

TEST_F(TextTest, SaysThatThePathDoesNotExist) {
  auto config = this->config();
  config.path = {(folder_ / "missing").string()};
  const Error error = failure(config);
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_EQ(error.message(), "dataset text: " + config.path.text + " does not exist");
  EXPECT_FALSE(error.hint().empty());
}

TEST_F(TextTest, SaysThatAFolderHasNoTextFiles) {
  write("notes.md", "x");
  const Error error = failure(config());
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_NE(error.message().find("no *.txt file in " + folder_.string()), std::string::npos)
      << error.message();
}

TEST_F(TextTest, SaysThatTheCorpusIsEmpty) {
  write("a.txt", "");
  write("b.txt", "");
  const Error error = failure(config());
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_NE(error.message().find("is empty"), std::string::npos) << error.message();
}

TEST_F(TextTest, LeavesEmptyFilesOutAndSaysSo) {
  write("a.txt", "ab");
  write("b.txt", "");
  EXPECT_EQ(seen(next(*open(config(16, 1), DatasetPass::once))), "b$");
  EXPECT_TRUE(host_.logged(LogLevel::warning, "empty files"));
}

TEST_F(TextTest, SaysThatOneTokenIsTooFew) {
  write("a.txt", "a");
  auto config = this->config();
  config.add_eos = false;
  const Error error = failure(config);
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_NE(error.message().find("only 1 token"), std::string::npos) << error.message();
}

TEST_F(TextTest, RefusesMarksThatTheTokenizerDoesNotHave) {
  write("a.txt", "abc");
  tokenizer_ = plain_tokenizer_;
  auto config = this->config();
  config.add_eos = true;
  EXPECT_NE(failure(config).message().find("no end token"), std::string::npos);
  config = this->config();
  config.add_bos = true;
  EXPECT_NE(failure(config).message().find("no begin token"), std::string::npos);
}

TEST_F(TextTest, RefusesAFolderThatLeadsBackIntoItself) {
  write("a/b/x.txt", "abc");
  fs::create_directory_symlink(folder_ / "a", folder_ / "a/b/again");
  const Error error = failure(config());
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_NE(error.message().find("a/b/again leads back into"), std::string::npos) << error.message();
}

TEST_F(TextTest, FollowsLinksToFoldersThatAreElsewhere) {
  write("elsewhere/x.txt", "abc");
  write("here/a.txt", "12");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "here/linked");
  auto config = this->config(16, 1);
  config.path = {(folder_ / "here").string()};
  EXPECT_EQ(seen(next(*open(config, DatasetPass::once))), "2$abc$");
}

TEST_F(TextTest, ReadsAFolderTwiceIfTwoLinksLeadToIt) {
  write("elsewhere/x.txt", "abc");
  fs::create_directory(folder_ / "here");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "here/one");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "here/two");
  auto config = this->config(16, 1);
  config.path = {(folder_ / "here").string()};
  EXPECT_EQ(seen(next(*open(config, DatasetPass::once))), "bc$abc$");
}

TEST_F(TextTest, RefusesALinkToNothing) {
  write("a.txt", "abc");
  fs::create_symlink(folder_ / "gone", folder_ / "b.txt");
  const Error error = failure(config());
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_NE(error.message().find("b.txt is a link to nothing"), std::string::npos) << error.message();
}

TEST_F(TextTest, RefusesALinkToItself) {
  fs::create_symlink("b.txt", folder_ / "b.txt");
  EXPECT_EQ(failure(config()).code(), ErrorCode::io);
}

TEST_F(TextTest, SaysWhichFileCannotBeRead) {
  const auto path = write("a.txt", "abc");
  fs::permissions(path, fs::perms::none);
  if (std::ifstream(path)) GTEST_SKIP() << "this user may read everything";
  const Error error = failure(config());
  EXPECT_EQ(error.code(), ErrorCode::io);
  EXPECT_NE(error.message().find(path.string() + " cannot be read"), std::string::npos) << error.message();
}

TEST_F(TextTest, RefusesWhatIsNoRegularFileInsteadOfWaitingForIt) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe.txt").c_str(), 0600), 0);
  const Error error = failure(config());
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_NE(error.message().find("pipe.txt is not a regular file"), std::string::npos) << error.message();
}

TEST_F(TextTest, StopsReadingWhenAsked) {
  write("a.txt", "abc");
  host_.request_stop(15);
  EXPECT_EQ(failure(config()).code(), ErrorCode::interrupted);
}

TEST_F(TextTest, DescribesFactsAndConstraintsForTheHost) {
  Schema<TextDataset::Config> schema;
  TextDataset::Config::describe(schema);
  ASSERT_EQ(schema.facts().size(), 1U);
  EXPECT_EQ(schema.facts()[0].name, "tokens_per_batch");
  EXPECT_EQ(schema.facts()[0].expression, "sequence_length * batch_size");
  ASSERT_EQ(schema.constraints().size(), 1U);
  EXPECT_EQ(schema.constraints()[0].key, "batch_size");
}

}  // namespace
}  // namespace easylm::datasets
