// Where runs lie and where models are found.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "easylm/error.h"
#include "pipeline/model_reference.h"
#include "pipeline/model_tokenizer.h"
#include "pipeline/run_folder.h"
#include "registry/registry.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

// A folder of its own for each test, which is also the current one.
class PlacesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    folder_ = fs::temp_directory_path() / ("easylm-places-" + std::to_string(getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }

  // Registers a version without files.
  void add_version(const std::string& name) {
    Registry registry(folder_ / "home", RegistryAccess::write);
    NewVersion version;
    version.name = name;
    version.format = "safetensors";
    registry.add_version(version, [](std::int64_t) { return true; });
  }

  fs::path before_, folder_;
};

TEST_F(PlacesTest, EveryRunHasAFolderOfItsOwnAndLatestPointsToTheNewest) {
  const fs::path first = make_run_folder(folder_ / "home", "tiny");
  const fs::path second = make_run_folder(folder_ / "home", "tiny");
  EXPECT_NE(first, second);
  EXPECT_TRUE(fs::is_directory(first));
  EXPECT_EQ(fs::canonical(folder_ / "home/tiny/latest"), fs::canonical(second));
}

TEST_F(PlacesTest, SaysWhyARunFolderCantBeMade) {
  std::ofstream("occupied") << "a file";
  try {
    make_run_folder(folder_ / "occupied", "tiny");
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::io);
    EXPECT_NE(e.message().find("occupied"), std::string::npos);
    EXPECT_FALSE(e.hint().empty());
  }
}

TEST_F(PlacesTest, TheRegistryWinsOverAFolderOfTheSameNameUnlessThePathSaysSo) {
  add_version("tiny");
  fs::create_directory("tiny");
  EXPECT_EQ(locate_model("tiny", folder_ / "home").uri, "tiny:1");
  const ModelLocation on_disk = locate_model("./tiny", folder_ / "home");
  EXPECT_EQ(on_disk.uri, "");
  EXPECT_EQ(on_disk.path, folder_ / "tiny");
}

TEST_F(PlacesTest, AFolderIsFoundWhereNoVersionHasItsName) {
  fs::create_directory("theirs");
  EXPECT_EQ(locate_model("theirs", folder_ / "home").path, folder_ / "theirs");
}

TEST_F(PlacesTest, SaysWhereItLookedForAModelThatIsNowhere) {
  add_version("tiny");
  for (const char* reference : {"tinny", "tiny:7", "./tiny", "/no/such/folder"}) {
    try {
      locate_model(reference, folder_ / "home");
      ADD_FAILURE() << reference << " was found";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::not_found) << reference;
      EXPECT_FALSE(e.hint().empty()) << reference;
    }
  }
}

TEST_F(PlacesTest, AVersionSaysWhichTokenizerMadeIt) {
  fs::create_directories("version/easylm");
  std::ofstream("version/easylm/pipeline.toml") << "[tokenizer]\ntype = \"byte\"\nspecial_tokens = false\n";
  const auto table = recorded_table("version", "tokenizer");
  ASSERT_TRUE(table);
  EXPECT_EQ(*table->find("type")->as<std::string>(), "byte");
  EXPECT_FALSE(recorded_table("version", "model"));
  EXPECT_FALSE(recorded_table("elsewhere", "tokenizer"));
}

// Knows two tokenizers, of which one reads files.
class TwoTokenizers : public Descriptions {
 public:
  TwoTokenizers() { reading_.fields.resize(1), reading_.fields[0].key = "path"; }
  const ComponentDescription* find(std::string_view /*kind*/, std::string_view name) const override {
    return name == "byte" ? &byte_ : &reading_;
  }
  std::vector<std::string> names(std::string_view /*kind*/) const override { return {}; }
  std::optional<std::string> reason_unavailable(std::string_view, std::string_view) const override {
    return {};
  }

 private:
  ComponentDescription byte_, reading_;
};

TEST_F(PlacesTest, AVersionsTokenizerIsReadFromTheVersionItself) {
  fs::create_directories("version/easylm");
  std::ofstream("version/easylm/pipeline.toml") << "[tokenizer]\ntype = \"bpe\"\npath = \"/long/gone\"\n";
  const Table table = model_tokenizer({folder_ / "version", "v:1"}, TwoTokenizers());
  EXPECT_EQ(*table.find("type")->as<std::string>(), "bpe");
  EXPECT_EQ(*table.find("path")->as<std::string>(), (folder_ / "version").string());
}

TEST_F(PlacesTest, AVersionsTokenizerWithoutFilesStaysAsItIs) {
  fs::create_directories("version/easylm");
  std::ofstream("version/easylm/pipeline.toml") << "[tokenizer]\ntype = \"byte\"\n";
  const Table table = model_tokenizer({folder_ / "version", "v:1"}, TwoTokenizers());
  EXPECT_EQ(*table.find("type")->as<std::string>(), "byte");
  EXPECT_EQ(table.find("path"), nullptr);
}

TEST_F(PlacesTest, AModelThatRecordsNoneBringsWhatLiesBesideIt) {
  const Table table = model_tokenizer({folder_ / "theirs.gguf", ""}, TwoTokenizers());
  EXPECT_EQ(*table.find("type")->as<std::string>(), "auto");
  EXPECT_EQ(*table.find("path")->as<std::string>(), (folder_ / "theirs.gguf").string());
}

}  // namespace
}  // namespace easylm
