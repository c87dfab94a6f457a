// What a store saves, keeps, removes and sweeps.
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>

#include "checkpoint/store_fixture.h"
#include "easylm/error.h"
#include "support/child_process.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;
using testing::fill_version;
using testing::start_child;
using testing::StoreTest;
using testing::succeeded;
using testing::wait_for;

TEST_F(StoreTest, IsDueAtEveryMultipleOfItsSteps) {
  CheckpointStore store(options({.every_steps = 100}), registry_, files_);
  EXPECT_FALSE(store.due(0));
  EXPECT_FALSE(store.due(99));
  EXPECT_TRUE(store.due(100));
  EXPECT_TRUE(store.due(200));
  EXPECT_FALSE(CheckpointStore(options(), registry_, files_).due(100));
}

TEST_F(StoreTest, ASavedVersionIsInTheRegistryWithEveryFile) {
  CheckpointStore store(options(), registry_, files_);
  const SavedVersion saved = save(store, 100);
  EXPECT_EQ(saved.uri, "shakespeare:1");
  EXPECT_EQ(saved.path, versions() / "v000001");
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000001"}));
  const VersionDetails details = registry_.details(saved.uri);
  std::vector<std::string> paths;
  std::uintmax_t bytes = 0;
  for (const FileFacts& file : details.files) {
    paths.push_back(file.path);
    bytes += fs::file_size(saved.path / file.path);
  }
  EXPECT_EQ(paths, (std::vector<std::string>{"config.json", "easylm/manifest.json", "easylm/state.json",
                                             "model.safetensors"}));
  EXPECT_EQ(details.version.bytes, static_cast<std::int64_t>(bytes));
  EXPECT_EQ(details.version.tokens, 409600);
  store.measure(saved.uri, {{"loss", 1.5}});
  EXPECT_EQ(registry_.resolve(saved.uri).metrics, (NamedNumbers{{"loss", 1.5}}));
}

TEST_F(StoreTest, TheManifestTellsSizesAndChecksums) {
  CheckpointStore store(options(), registry_, files_);
  const SavedVersion saved = save(store, 100);
  const VersionManifest manifest = open_manifest(files_, saved.path);
  EXPECT_EQ(manifest.step, 100);
  EXPECT_EQ(manifest.dataset, "text-1");
  ASSERT_EQ(manifest.files.size(), 3U);
  EXPECT_EQ(manifest.files[0].path, "config.json");
  EXPECT_EQ(manifest.files[0].bytes, 3);
  EXPECT_EQ(manifest.files[0].sha256, "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356");
  EXPECT_NO_THROW(manifest.require({"model", "llama", "1"}));
  EXPECT_NO_THROW(manifest.require({"optimizer", "adamw", "1"}));
  try {
    manifest.require({"tokenizer", "bpe", "2"});
    FAIL() << "another tokenizer was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_NE(error.message().find("'byte' (revision 1), not with 'bpe' (revision 2)"), std::string::npos)
        << error.message();
  }
}

TEST_F(StoreTest, AVersionWithAMissingOrCutFileIsRefusedByName) {
  CheckpointStore store(options(), registry_, files_);
  const fs::path path = save(store, 100).path;
  const auto message = [&] {
    try {
      open_manifest(files_, path);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt);
      return error.message();
    }
    return std::string("accepted");
  };
  fs::resize_file(path / "model.safetensors", 19999);
  EXPECT_NE(message().find("model.safetensors has 19999 bytes"), std::string::npos) << message();
  fs::remove(path / "model.safetensors");
  EXPECT_NE(message().find("model.safetensors is missing"), std::string::npos) << message();
  testing::write_text(path / "easylm/manifest.json", "{\"manifest\": 1}");
  EXPECT_NE(message().find("'name'"), std::string::npos) << message();
  fs::remove(path / "easylm/manifest.json");
  EXPECT_NE(message().find("holds no easylm/manifest.json"), std::string::npos) << message();
}

TEST_F(StoreTest, AManifestCannotPointOutsideOfItsFolder) {
  CheckpointStore store(options(), registry_, files_);
  const fs::path path = save(store, 100).path;
  const std::string good = files_.read_file(path / "easylm/manifest.json", 1 << 20);
  for (const std::string bad : {"../../x", "/etc/passwd", "a/../../x", ""}) {
    std::string text = good;
    text.replace(text.find("config.json"), std::string("config.json").size(), bad);
    testing::write_text(path / "easylm/manifest.json", text);
    EXPECT_THROW(open_manifest(files_, path), Error) << bad;
  }
}

TEST_F(StoreTest, WhenFillFailsNothingIsLeft) {
  CheckpointStore store(options(), registry_, files_);
  const auto fails = [](const fs::path& folder) {
    fill_version(folder, 1);
    throw std::runtime_error("the GPU fell off");
  };
  EXPECT_THROW(store.save({.step = 1}, fails), std::runtime_error);
  EXPECT_TRUE(entries().empty());
  EXPECT_TRUE(registry_.list().empty());
  EXPECT_EQ(save(store, 1).uri, "shakespeare:1");
}

TEST_F(StoreTest, ALinkInAVersionIsRefused) {
  CheckpointStore store(options(), registry_, files_);
  const auto links = [](const fs::path& folder) { fs::create_symlink("/etc/hostname", folder / "x"); };
  EXPECT_THROW(store.save({.step = 1}, links), Error);
  EXPECT_TRUE(entries().empty());
}

TEST_F(StoreTest, KeepsTheLastOnesOfItsRun) {
  CheckpointStore store(options({.retention = {.keep_last = 2}}), registry_, files_);
  for (int step = 1; step <= 5; ++step) save(store, step);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000004", "v000005"}));
  EXPECT_EQ(registry_.list().size(), 2U);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(StoreTest, NeverRemovesWhatIsProtected) {
  CheckpointStore store(options({.retention = {.keep_last = 3}}), registry_, files_);
  for (int step = 1; step <= 3; ++step) save(store, step);
  registry_.set_alias("shakespeare", "best", 1);
  registry_.tag("shakespeare:2", "keep", "");
  for (int step = 4; step <= 7; ++step) save(store, step);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000001", "v000002", "v000005", "v000006", "v000007"}));
  EXPECT_EQ(registry_.list().size(), 5U);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(StoreTest, NeverRemovesWhatAnotherRunMade) {
  CheckpointStore first(options(), registry_, files_);
  for (int step = 1; step <= 2; ++step) save(first, step);
  run_ = registry_.begin_run({"shakespeare", "", 42, "cpu", {}});
  CheckpointStore second(options({.retention = {.keep_last = 1}}), registry_, files_);
  for (int step = 3; step <= 4; ++step) save(second, step);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000001", "v000002", "v000004"}));
}

TEST_F(StoreTest, SweepsWhatDeadProcessesLeft) {
  const pid_t dead = start_child([] { return true; });
  wait_for(dead);
  const pid_t alive = start_child([] {
    ::sleep(20);
    return true;
  });
  const std::string of_dead = "step-7.tmp-" + std::to_string(dead);
  const std::string of_alive = "step-7.tmp-" + std::to_string(alive);
  const std::string of_namesake = "step-7.tmp-" + std::to_string(::getpid());  // as in a container
  for (const std::string& name :
       {of_dead, of_alive, of_namesake, std::string("v000003"), std::string("notes")}) {
    fs::create_directories(versions() / name / "easylm");
    fill_version(versions() / name, 7);
  }
  CheckpointStore store(options(), registry_, files_);
  ::kill(alive, SIGKILL);
  wait_for(alive);
  EXPECT_EQ(entries(), (std::vector<std::string>{"notes", of_alive}));
  EXPECT_EQ(save(store, 1).uri, "shakespeare:4");  // 3 might have been seen
}

TEST_F(StoreTest, LeavesWhatIsBeingSavedAlone) {
  CheckpointStore store(options(), registry_, files_);
  store.save({.step = 1}, [&](const fs::path& folder) {
    fill_version(folder, 1);
    const CheckpointStore other(options(), registry_, files_);
    EXPECT_TRUE(fs::exists(folder));
    CheckpointStore third(options(), registry_, files_);
    EXPECT_EQ(save(third, 1).uri, "shakespeare:1");  // the same step by the same process at the same time
  });
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000001", "v000002"}));
}

class NoLocks : public SystemCalls {
 public:
  int lock(int /*fd*/) override {
    errno = EBADF;
    return -1;
  }
};

TEST_F(StoreTest, WithoutLocksItRemovesNothingAndStillSaves) {
  const std::string left = "step-1.tmp-" + std::to_string(::getpid());
  fs::create_directories(versions() / left);
  NoLocks calls;
  FileSystem files(calls);
  CheckpointStore store(options(), registry_, files);
  EXPECT_EQ(save(store, 1).uri, "shakespeare:1");
  EXPECT_EQ(entries(), (std::vector<std::string>{left, "v000001"}));
}

TEST_F(StoreTest, ProcessesThatSaveAtOnceGetAVersionEach) {
  constexpr int kProcesses = 3, kEach = 4;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    children.push_back(start_child([&] {
      Registry registry(home_, RegistryAccess::write);
      CheckpointStore store(options(), registry, files_);
      for (int i = 1; i <= kEach; ++i) save(store, i);
      return warnings_.empty();
    }));
  }
  for (const pid_t child : children) EXPECT_TRUE(succeeded(wait_for(child)));
  const auto all = registry_.list();
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kProcesses * kEach));
  EXPECT_EQ(all.back().number, kProcesses * kEach);
  for (const VersionRecord& version : all) EXPECT_NO_THROW(open_manifest(files_, version.path));
  EXPECT_EQ(entries().size(), all.size());
}

}  // namespace
}  // namespace easylm
