// Saves beside the training: one at a time, never lost from sight.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

#include "checkpoint/store_fixture.h"
#include "easylm/error.h"
#include "easylm/tracker.h"
#include "registry/curves.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;
using testing::fill_version;
using testing::StoreTest;

FillVersion filled(std::int64_t step) {
  return [step](const fs::path& folder) { fill_version(folder, step); };
}

void broken_fill(const fs::path& /*folder*/) { throw Error(ErrorCode::io, "the disk fell off"); }

TEST_F(StoreTest, SavesWhileItsCallerGoesOn) {
  CheckpointStore store(options(), registry_, files_);
  std::promise<void> go;
  store.save_later({.step = 1}, [&](const fs::path& folder) {
    go.get_future().wait();
    fill_version(folder, 1);
  });
  EXPECT_NO_THROW(store.due(1));  // doesn't wait for it
  EXPECT_TRUE(registry_.list().empty());
  go.set_value();
  EXPECT_EQ(store.saved().uri, "shakespeare:1");
  EXPECT_EQ(registry_.list().size(), 1U);
}

TEST_F(StoreTest, VersionsFollowEachOther) {
  CheckpointStore store(options(), registry_, files_);
  store.save_later({.step = 1, .parent = "other:7"}, filled(1));
  store.save_later({.step = 2, .parent = "other:7"}, filled(2));
  EXPECT_EQ(store.save({.step = 3, .parent = "other:7"}, filled(3)).uri, "shakespeare:3");
  const auto all = registry_.list();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].parent, "other:7");
  EXPECT_EQ(all[1].parent, "shakespeare:1");
  EXPECT_EQ(all[2].parent, "shakespeare:2");
}

TEST_F(StoreTest, AFailureIsToldAtTheNextStep) {
  CheckpointStore store(options({.every_steps = 10}), registry_, files_);
  store.save_later({.step = 1}, broken_fill);
  try {
    for (int i = 0; i < 30000; ++i) {  // half a minute; the machine may be busy
      store.due(i);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL() << "nobody was told";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "the disk fell off");
  }
  EXPECT_TRUE(entries().empty());
  EXPECT_EQ(store.saved().uri, "");  // told once
  EXPECT_EQ(store.save({.step = 2}, filled(2)).uri, "shakespeare:1");
}

TEST_F(StoreTest, TheNextSaveTellsToo) {
  CheckpointStore store(options(), registry_, files_);
  store.save_later({.step = 1}, broken_fill);
  EXPECT_THROW(store.save_later({.step = 2}, filled(2)), Error);
  EXPECT_TRUE(registry_.list().empty());
}

TEST_F(StoreTest, EndsOnlyWhenItIsSaved) {
  {
    CheckpointStore store(options(), registry_, files_);
    store.save_later({.step = 1}, filled(1));
  }
  EXPECT_EQ(registry_.list().size(), 1U);
  {
    CheckpointStore store(options(), registry_, files_);
    store.save_later({.step = 2}, broken_fill);
  }
  EXPECT_EQ(warnings_, (std::vector<std::string>{"the disk fell off"}));
}

TEST_F(StoreTest, CurvesAreWrittenWithTheVersion) {
  CheckpointStore store(options(), registry_, files_);
  const Metric loss[] = {{"loss", 2.5}};
  registry_.record(run_, {.stage = "train", .step = 1, .tokens = 10, .metrics = loss});
  store.save_later({.step = 1}, filled(1));
  const SavedVersion saved = store.saved();
  const Registry reader(home_, RegistryAccess::read);
  ASSERT_EQ(reader.curves(saved.uri).curves.size(), 1U);
  EXPECT_EQ(reader.curves(saved.uri).curves[0].points[0].value, 2.5);
}

TEST_F(StoreTest, AnswersAndNamesVersionsForStages) {
  CheckpointStore store(options(), registry_, files_);
  const SavedVersion saved = store.save({.step = 1, .metrics = {{"loss", 1.5}}}, filled(1));
  EXPECT_TRUE(store.meets(saved.uri, "metrics.loss < 2"));
  EXPECT_FALSE(store.meets(saved.uri, "metrics.loss < 1"));
  EXPECT_THROW(store.meets(saved.uri, "metrics.loss <"), Error);
  store.set_alias(saved.uri, "prod");
  EXPECT_EQ(registry_.resolve("shakespeare@prod").number, 1);
}

}  // namespace
}  // namespace easylm
