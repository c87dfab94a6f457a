// What a policy keeps, and where the alias `best` points.
#include <gtest/gtest.h>

#include "checkpoint/store_fixture.h"

namespace easylm {
namespace {

using testing::fill_version;
using testing::StoreTest;

class RetentionTest : public StoreTest {
 protected:
  static void save(CheckpointStore& store, std::int64_t step, double loss) {
    store.save({.step = step, .metrics = {{"validation_loss", loss}}},
               [&](const std::filesystem::path& folder) { fill_version(folder, step); });
  }
};

TEST_F(RetentionTest, KeepsTheBestAndLetsTheAliasFollow) {
  CheckpointStore store(options({.retention = {.keep_last = 1, .keep_best = 1}}), registry_, files_);
  save(store, 1, 3.0);
  save(store, 2, 2.0);
  EXPECT_EQ(registry_.resolve("shakespeare@best").number, 2);
  save(store, 3, 2.5);
  save(store, 4, 2.0);  // no better than the second
  EXPECT_EQ(registry_.resolve("shakespeare@best").number, 2);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000002", "v000004"}));
  save(store, 5, 1.0);
  EXPECT_EQ(registry_.resolve("shakespeare@best").number, 5);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000005"}));
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(RetentionTest, TheBestMayBeTheHighestOfAnotherMetric) {
  RetentionPolicy policy = {
      .keep_last = 1, .keep_best = 2, .best_metric = "accuracy", .highest_is_best = true};
  CheckpointStore store(options({.retention = policy}), registry_, files_);
  for (const double accuracy : {0.2, 0.9, 0.5, 0.1}) {
    store.save({.step = 1, .metrics = {{"accuracy", accuracy}}},
               [](const std::filesystem::path& folder) { fill_version(folder, 1); });
  }
  EXPECT_EQ(registry_.resolve("shakespeare@best").number, 2);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000002", "v000003", "v000004"}));
}

TEST_F(RetentionTest, WithoutTheMetricNothingIsBest) {
  CheckpointStore store(options({.retention = {.keep_last = 1, .keep_best = 1}}), registry_, files_);
  StoreTest::save(store, 1);
  StoreTest::save(store, 2);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000002"}));
  EXPECT_TRUE(registry_.resolve("shakespeare").aliases.empty());
}

TEST_F(RetentionTest, MilestonesStay) {
  CheckpointStore store(options({.retention = {.keep_last = 1, .milestone_every_steps = 3}}), registry_,
                        files_);
  for (int step = 1; step <= 8; ++step) StoreTest::save(store, step);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000003", "v000006", "v000008"}));
}

TEST_F(RetentionTest, ARunThatGoesOnInheritsTheVersions) {
  {
    CheckpointStore first(options(), registry_, files_);
    for (int step = 1; step <= 2; ++step) StoreTest::save(first, step);
  }
  NewRun next = {"shakespeare", "", 42, "cpu", {}};
  next.continues = run_;
  run_ = registry_.begin_run(next);
  next.continues = run_;
  run_ = registry_.begin_run(next);  // one that stopped before it saved anything
  CheckpointStore second(options({.retention = {.keep_last = 2}}), registry_, files_);
  StoreTest::save(second, 3);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000002", "v000003"}));
}

TEST_F(RetentionTest, AVersionThatSomebodyReadsStaysUntilTheNextSave) {
  CheckpointStore store(options({.retention = {.keep_last = 1}}), registry_, files_);
  StoreTest::save(store, 1);
  {
    const FolderLock reader = files_.try_share(versions() / "v000001");
    ASSERT_TRUE(reader.held());
    StoreTest::save(store, 2);
    EXPECT_EQ(entries(), (std::vector<std::string>{"v000001", "v000002"}));
  }
  StoreTest::save(store, 3);
  EXPECT_EQ(entries(), (std::vector<std::string>{"v000003"}));
}

}  // namespace
}  // namespace easylm
