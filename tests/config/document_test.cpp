// Reading documents: places, extends, what can't be read.
#include "config/document.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/show.h"
#include "temporary_folder.h"

namespace easylm {
namespace {

using testing::TemporaryFolder;

std::string first_message(const Diagnostics& diagnostics) {
  return diagnostics.empty() ? "" : diagnostics.sorted()[0].message;
}

TEST(Document, KeepsTheOrderAndThePlaceOfEveryKey) {
  Diagnostics diagnostics;
  const auto root = parse_document(
      "[zebra]\nb = 1\n  a = [10,\n 20]\n[ant.bee]\nc = { z = 1, y = 2 }\n[[stage]]\n[[stage]]\nd = 4\n",
      "x.toml", diagnostics);
  ASSERT_TRUE(root.has_value()) << diagnostics.text();
  ASSERT_EQ(root->settings.size(), 3U);
  EXPECT_EQ(root->settings[0].key, "zebra");
  const Table& zebra = *root->find("zebra")->as<Table>();
  EXPECT_EQ(zebra.settings[0].key, "b");
  const Value& a = *zebra.find("a");
  EXPECT_EQ(std::pair(a.origin.line, a.origin.column), std::pair(3, 3));
  const Value& item = (*a.as<List>())[1];
  EXPECT_EQ(std::pair(item.origin.line, item.origin.column), std::pair(4, 2));
  const Table& bee = *root->find("ant")->as<Table>()->find("bee")->as<Table>();
  EXPECT_EQ(bee.origin.line, 5);
  EXPECT_EQ(bee.find("c")->as<Table>()->settings[0].key, "z");
  EXPECT_EQ(bee.find("c")->as<Table>()->find("y")->origin.column, 14);
  const List& stages = *root->find("stage")->as<List>();
  EXPECT_EQ(stages[1].origin.line, 8);
  EXPECT_EQ(stages[1].as<Table>()->find("d")->origin.file, "x.toml");
}

TEST(Document, RefusesWhatWouldOverflowTheStack) {
  std::string dotted = "a";
  for (int i = 0; i < 200'000; ++i) dotted += ".a";
  for (const std::string& text : {dotted + " = 1\n", "[" + dotted + "]\n", "x = " + std::string(400'000, '['),
                                  "x = { " + dotted + " = 1 }", "\"\"\"\n\"\"\" = 1\n" + dotted + " = 1\n"}) {
    Diagnostics diagnostics;
    EXPECT_FALSE(parse_document(text, "x.toml", diagnostics).has_value());
    EXPECT_EQ(first_message(diagnostics), "tables and arrays are nested more than 32 deep");
  }
}

TEST(Document, CountsNoDotsInTextsAndComments) {
  const std::string dots(100, '.');
  Diagnostics diagnostics;
  const auto root = parse_document("# " + dots + "\na = \"" + dots + "\"\nb = '''\n" + dots +
                                       "[[[''''\nc = \"\"\"\\\n " + dots + "\\\"\"\"\"\nd = 1.5\n",
                                   "x.toml", diagnostics);
  ASSERT_TRUE(root.has_value()) << diagnostics.text();
  EXPECT_EQ(*root->find("b")->as<std::string>(), dots + "[[['");
  EXPECT_EQ(*root->find("c")->as<std::string>(), dots + "\"");
}

TEST(Document, TakesLettersBeyondAsciiForLetters) {
  Diagnostics diagnostics;
  const auto root = parse_document("a = \"\"\"\\\n  é ü\"\"\" # ß\n\"ö\" = 'я'\n", "x.toml", diagnostics);
  ASSERT_TRUE(root.has_value()) << diagnostics.text();
  EXPECT_EQ(show_toml(*root), "a = \"é ü\"\n\"ö\" = \"я\"\n");
  EXPECT_FALSE(parse_document("é = 1\n", "x.toml", diagnostics).has_value());
  EXPECT_FALSE(parse_document("a = 1é\n", "x.toml", diagnostics).has_value());
}

TEST(Document, RefusesAHugeFile) {
  Diagnostics diagnostics;
  EXPECT_FALSE(parse_document(std::string(kMaxDocumentBytes + 1, '\n'), "x.toml", diagnostics).has_value());
  EXPECT_EQ(first_message(diagnostics), "the file has 4194305 bytes; a configuration has at most 4194304");
}

TEST(Document, SaysInOneSentenceWhyAFileCantBeRead) {
  const TemporaryFolder folder;
  const std::string path = folder.path().string();
  ASSERT_EQ(::mkfifo((path + "/pipe").c_str(), 0600), 0);
  for (const auto& [name, reason] : std::vector<std::pair<std::string, std::string>>{
           {"absent.toml", "there is no such file"},
           {"", "it is a directory, not a file"},
           {"pipe", "it is not a regular file"},
           {std::string(300, 'x'), "it can't be read: File name too long"}}) {
    Diagnostics diagnostics;
    EXPECT_FALSE(load_document(folder.path() / name, diagnostics).has_value());
    ASSERT_EQ(diagnostics.sorted().size(), 1U);
    EXPECT_EQ(first_message(diagnostics), "can't read '" + path + "/" + name + "': " + reason);
  }
}

TEST(Document, MergesTablesAndReplacesArraysOfWhatItExtends) {
  const TemporaryFolder folder;
  folder.write("base.toml",
               "[model]\na = 1\nb = [1, 2]\nkernel = { type = \"x\", deep = 1 }\n[[stage]]\ns = 1\n");
  folder.write("sub/more.toml", "extends = \"../base.toml\"\n[model]\na = 2\nc = 3\n");
  const auto file = folder.write(
      "top.toml", "extends = \"sub/more.toml\"\n[model]\nb = [9]\nkernel.deep = 2\n[[stage]]\ns = 2\n");
  Diagnostics diagnostics;
  const auto document = load_document(file, diagnostics);
  ASSERT_TRUE(document.has_value()) << diagnostics.text();
  EXPECT_EQ(show_toml(document->root),
            "[model]\na = 2\nb = [9]\nc = 3\n\n[model.kernel]\ntype = \"x\"\ndeep = 2\n\n[[stage]]\ns = 2\n");
  ASSERT_EQ(document->files.size(), 3U);
  EXPECT_EQ(document->files[0], file);
  const Table& model = *document->root.find("model")->as<Table>();
  EXPECT_EQ(model.find("a")->origin.file, (folder.path() / "sub/more.toml").string());
  EXPECT_EQ(model.find("kernel")->as<Table>()->find("type")->origin.file,
            (folder.path() / "base.toml").string());
}

TEST(Document, LetsTheLaterOfSeveralBasesWin) {
  const TemporaryFolder folder;
  folder.write("one.toml", "a = 1\nb = 1\nc = 1\n");
  folder.write("two.toml", "a = 2\nb = 2\n");
  const auto file = folder.write("top.toml", "extends = [\"one.toml\", \"two.toml\"]\na = 3\n");
  Diagnostics diagnostics;
  const auto document = load_document(file, diagnostics);
  ASSERT_TRUE(document.has_value()) << diagnostics.text();
  EXPECT_EQ(show_toml(document->root), "a = 3\nb = 2\nc = 1\n");
}

TEST(Document, AllowsOneBaseTwiceButNoEndlessGrowth) {
  const TemporaryFolder folder;
  folder.write("0.toml", "a = 1\n");
  const auto twice = folder.write("twice.toml", "extends = [\"0.toml\", \"0.toml\"]\n");
  Diagnostics none;
  EXPECT_TRUE(load_document(twice, none).has_value()) << none.text();
  for (int i = 1; i <= 40; ++i) {
    const std::string below = "\"" + std::to_string(i - 1) + ".toml\"";
    folder.write(std::to_string(i) + ".toml", "extends = [" + below + ", " + below + "]\n");
  }
  Diagnostics diagnostics;
  EXPECT_FALSE(load_document(folder.path() / "40.toml", diagnostics).has_value());
  EXPECT_EQ(first_message(diagnostics), "more than 64 files extend one another");
}

TEST(Document, FindsACircleThroughALink) {
  const TemporaryFolder folder;
  const auto file = folder.write("a.toml", "extends = \"b.toml\"\n");
  std::filesystem::create_symlink("a.toml", folder.path() / "b.toml");
  Diagnostics diagnostics;
  EXPECT_FALSE(load_document(file, diagnostics).has_value());
  EXPECT_EQ(diagnostics.sorted()[0].code, "cycle");
}

TEST(Document, ReadsSingleValues) {
  EXPECT_EQ(*parse_value("0x10")->as<std::int64_t>(), 16);
  EXPECT_EQ(*parse_value("[1, 2]  # two")->as<List>()->at(1).as<std::int64_t>(), 2);
  EXPECT_FALSE(parse_value("cpu").has_value());
  EXPECT_FALSE(parse_value("1\nother = 2").has_value());
  EXPECT_FALSE(parse_value("2026-11-24").has_value());
  EXPECT_FALSE(parse_value("").has_value());
}

}  // namespace
}  // namespace easylm
