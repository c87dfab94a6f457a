// What rm and gc remove, what they leave, and why.
#include <gtest/gtest.h>

#include "checkpoint/removal.h"
#include "checkpoint/store_fixture.h"
#include "platform/process.h"
#include "registry/database.h"
#include "support/child_process.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

class RemovalTest : public testing::StoreTest {
 protected:
  RemovalTest() {
    CheckpointStore store(options(), registry_, files_);
    for (std::int64_t step = 1; step <= 4; ++step) save(store, step);
    registry_.finish_run(run_, RunStatus::finished);
  }

  RemovedVersion remove(const std::string& uri) {
    return remove_version(uri, registry_, files_, [](const Error& e) { FAIL() << e.message(); });
  }
  std::string refusal(const std::string& uri) {
    try {
      remove(uri);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      EXPECT_FALSE(error.hint().empty());
      EXPECT_EQ(registry_.list().size(), 4U);
      EXPECT_TRUE(fs::exists(versions() / "v000001/config.json"));
      return error.message();
    }
    return {};
  }
  GarbageReport collect(GarbageMode mode, std::int64_t keep_last = 0) {
    GarbageOptions options;
    options.mode = mode;
    if (keep_last > 0) options.keep_name = "shakespeare";
    options.keep_last = keep_last;
    return collect_garbage(options, registry_, files_);
  }
};

TEST_F(RemovalTest, RemovesRowAndFilesAndSaysHowMuch) {
  const std::int64_t bytes = registry_.resolve("shakespeare:1").bytes;
  const RemovedVersion removed = remove("shakespeare:1");
  EXPECT_EQ(removed.uri, "shakespeare:1");
  EXPECT_EQ(removed.bytes, bytes);
  EXPECT_EQ(registry_.list().size(), 3U);
  EXPECT_FALSE(fs::exists(versions() / "v000001"));
}

TEST_F(RemovalTest, RefusesWhatAnAliasOrATagProtects) {
  registry_.set_alias("shakespeare", "best", 1);
  EXPECT_EQ(refusal("shakespeare:1"), "shakespeare:1 can't be removed: the alias 'best' points at it");
  registry_.set_alias("shakespeare", "best", 2);
  registry_.tag("shakespeare:1", "keep", "");
  EXPECT_EQ(refusal("shakespeare:1"), "shakespeare:1 can't be removed: it has the tag 'keep'");
}

TEST_F(RemovalTest, RefusesWhatAnotherProcessReads) {
  const FolderLock one_reader = files_.try_share(versions() / "v000001");
  const FolderLock another = files_.try_share(versions() / "v000001");
  ASSERT_TRUE(one_reader.held() && another.held());
  EXPECT_NE(refusal("shakespeare:1").find("another process uses it"), std::string::npos);
}

TEST_F(RemovalTest, RefusesVersionsOfARunThatStillRuns) {
  Database(home_ / "registry.sqlite", DatabaseAccess::read_write)
      .execute("UPDATE runs SET status = 'running'");
  EXPECT_NE(refusal("shakespeare:1").find("still runs"), std::string::npos);
  Database(home_ / "registry.sqlite", DatabaseAccess::read_write)
      .execute("UPDATE runs SET host = 'elsewhere'");
  EXPECT_NE(refusal("shakespeare:1").find("elsewhere"), std::string::npos);
}

TEST_F(RemovalTest, GcLooksWithoutTouching) {
  fs::create_directories(versions() / "step-9.tmp-1999999999");
  testing::write_text(versions() / "step-9.tmp-1999999999/half", "12345");
  const GarbageReport report = collect(GarbageMode::look, 1);
  EXPECT_EQ(report.orphans.size(), 1U);
  EXPECT_EQ(report.versions.size(), 3U);
  EXPECT_EQ(registry_.list().size(), 4U);
  EXPECT_TRUE(fs::exists(versions() / "step-9.tmp-1999999999/half"));
}

TEST_F(RemovalTest, GcRemovesLeftoversAndSaysHowMuchWasFreed) {
  fs::create_directories(versions() / "step-9.tmp-1999999999");
  testing::write_text(versions() / "step-9.tmp-1999999999/half", "12345");
  fs::create_directories(home_ / "checkpoints/other/v000007");
  testing::write_text(home_ / "checkpoints/other/v000007/x", "123");
  const GarbageReport report = collect(GarbageMode::remove);
  EXPECT_EQ(report.orphans.size(), 2U);
  EXPECT_EQ(report.bytes(), 8);
  EXPECT_NE(garbage_text(report, GarbageMode::remove).find("8 B freed"), std::string::npos);
  EXPECT_EQ(entries().size(), 4U);
  EXPECT_FALSE(fs::exists(home_ / "checkpoints/other/v000007"));
}

TEST_F(RemovalTest, GcLeavesWhatALivingProcessWrites) {
  const fs::path busy = versions() / "step-9.tmp-1";  // process 1 always lives
  const fs::path locked = versions() / ("step-9.tmp-" + std::to_string(::getpid()));
  fs::create_directories(busy);
  fs::create_directories(locked);
  const FolderLock lock = files_.try_lock(locked);
  EXPECT_EQ(collect(GarbageMode::remove).orphans.size(), 0U);
  EXPECT_TRUE(fs::exists(busy) && fs::exists(locked));
}

TEST_F(RemovalTest, GcKeepsTheNewestAndWhatIsProtected) {
  registry_.tag("shakespeare:2", "keep", "");
  const GarbageReport report = collect(GarbageMode::remove, 2);
  ASSERT_EQ(report.versions.size(), 1U);
  EXPECT_EQ(report.versions[0].uri, "shakespeare:1");
  EXPECT_EQ(report.kept, (std::vector<std::string>{"shakespeare:2: it has the tag 'keep'"}));
  EXPECT_EQ(registry_.list().size(), 3U);
}

TEST_F(RemovalTest, GcMarksRunsOfDeadProcessesAndOnlyThose) {
  const std::string ours = registry_.begin_run({"alive", "", 1, "cpu", {}});
  std::string dead;
  const pid_t child = testing::start_child([&] {
    Registry(home_, RegistryAccess::write).begin_run({"dead", "", 1, "cpu", {}});
    return true;
  });
  testing::wait_for(child);
  const GarbageReport report = collect(GarbageMode::remove);
  EXPECT_EQ(report.runs.size(), 1U);
  const std::vector<UnfinishedRun> left = registry_.unfinished_runs();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].id, ours);
}

TEST_F(RemovalTest, GcReportsARowWhoseFolderIsGoneAndLeavesIt) {
  fs::remove_all(versions() / "v000002");
  const GarbageReport report = collect(GarbageMode::remove);
  EXPECT_EQ(report.lost, (std::vector<std::string>{"shakespeare:2"}));
  EXPECT_EQ(registry_.list().size(), 4U);
}

TEST(Process, AProcessThatStartedLaterIsAnotherOne) {
  EXPECT_TRUE(lives_since(::getpid(), "2999-01-01T00:00:00.000Z"));
  EXPECT_FALSE(lives_since(::getpid(), "2001-01-01T00:00:00.000Z"));
  EXPECT_TRUE(lives_since(::getpid(), "no time"));
  EXPECT_FALSE(lives_since(1999999999, "2999-01-01T00:00:00.000Z"));
}

}  // namespace
}  // namespace easylm
