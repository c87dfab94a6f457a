// Where aliases pointed, where versions came from, what a run's configuration was, and how it got there.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <thread>
#include <vector>

#include "platform/files.h"
#include "registry/comparison.h"
#include "registry/curves.h"
#include "registry/database.h"
#include "registry/lineage.h"
#include "registry/run_config.h"
#include "registry/schema.h"
#include "registry/sql_console.h"
#include "registry_fixture.h"

namespace easylm {
namespace {

using testing::error_of;

class History : public testing::FilledRegistry {
 protected:
  std::int64_t pointed() const { return registry_.resolve("a@best").number; }

  std::string points(const std::string& reference, const std::string& metric = "loss") const {
    std::string text;
    for (const Curve& curve : registry_.curves(reference).curves) {
      if (curve.name != metric) continue;
      for (const CurvePoint& point : curve.points) {
        text += std::to_string(point.step) + ":" + std::to_string(static_cast<int>(point.value)) + " ";
      }
    }
    return text;
  }
};

TEST_F(History, RollsAnAliasBackMoveByMove) {
  for (int i = 0; i < 4; ++i) add("a", 100);
  for (const int number : {1, 2, 4}) registry_.set_alias("a", "best", number);
  EXPECT_EQ(registry_.roll_back_alias("a", "best").number, 2);
  EXPECT_EQ(pointed(), 2);
  EXPECT_EQ(registry_.roll_back_alias("a", "best").number, 1);
  EXPECT_EQ(registry_.alias_history("a", "best").size(), 5U);
  const Error error = error_of([&] { registry_.roll_back_alias("a", "best"); });
  EXPECT_NE(error.message().find("never pointed anywhere else"), std::string::npos) << error.message();
  registry_.set_alias("a", "best", 3);
  EXPECT_EQ(registry_.roll_back_alias("a", "best").number, 1);
}

TEST_F(History, RollingBackToARemovedVersionChangesNothing) {
  for (int i = 0; i < 2; ++i) add("a", 100);
  registry_.set_alias("a", "best", 1);
  registry_.set_alias("a", "best", 2);
  registry_.remove_version("a:1");
  const Error error = error_of([&] { registry_.roll_back_alias("a", "best"); });
  EXPECT_NE(error.message().find("a:1 is no longer"), std::string::npos) << error.message();
  EXPECT_EQ(pointed(), 2);
  EXPECT_EQ(registry_.alias_history("a", "best").size(), 2U);
}

TEST_F(History, AnAliasCanBeTakenAwayAndBroughtBack) {
  add("a", 100);
  registry_.set_alias("a", "best", 1);
  registry_.remove_alias("a", "best");
  EXPECT_EQ(error_of([&] { registry_.resolve("a@best"); }).code(), ErrorCode::not_found);
  EXPECT_EQ(error_of([&] { registry_.remove_alias("a", "best"); }).code(), ErrorCode::not_found);
  EXPECT_EQ(registry_.roll_back_alias("a", "best").number, 1);
  EXPECT_EQ(pointed(), 1);
  EXPECT_EQ(registry_.alias_history("a", "best")[1].number, 0);
}

TEST_F(History, AnAliasThatNeverWasIsNamed) {
  add("a", 100);
  registry_.set_alias("a", "best", 1);
  const Error error = error_of([&] { registry_.alias_history("a", "bets"); });
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_EQ(error.hint(), "did you mean 'best'?");
}

TEST_F(History, LineageOutlivesItsVersions) {
  const std::string run = begin();
  add("a", 100, {}, "base:7", run);
  add("a", 200, {}, "a:1", run);
  add("a", 300, {}, "a:2", run);
  add("b", 50, {}, "a:2", run);
  add("a", 400, {}, "a:3", run);
  registry_.remove_version("a:1");
  registry_.remove_version("a:3");
  const std::string text = lineage_text(registry_.lineage("a:2"));
  std::string without_times;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    const std::size_t time = line.find("  20");
    if (time != std::string::npos) line.erase(time, 18);
    without_times += line + "\n";
    at = end + 1;
  }
  EXPECT_EQ(without_times,
            "base:7  (unknown)\n"
            "a:1  step 100  train  (removed)\n"
            "a:2  step 200  train  <- this one\n"
            "├─ a:3  step 300  train  (removed)\n"
            "│  a:4  step 400  train\n"
            "└─ b:1  step 50  train\n");
  const auto json = boost::json::parse(lineage_json(registry_.lineage("a:4"))).as_object();
  EXPECT_EQ(json.at("uri").as_string(), "a:4");
  EXPECT_EQ(json.at("ancestors").as_array().size(), 4U);
  EXPECT_EQ(json.at("ancestors").at(0).at("status").as_string(), "removed");
  EXPECT_EQ(json.at("ancestors").at(0).at("step").as_int64(), 300);
  EXPECT_EQ(json.at("ancestors").at(3).at("status").as_string(), "unknown");
  EXPECT_TRUE(json.at("ancestors").at(3).at("step").is_null());
  EXPECT_TRUE(json.at("descendants").as_array().empty());
  EXPECT_EQ(registry_.lineage("a:1").descendants.size(), 4U) << "a removed version can be asked for";
  EXPECT_EQ(error_of([&] { registry_.lineage("a:99"); }).code(), ErrorCode::not_found);
}

TEST_F(History, ACircleOfParentsEnds) {
  add("a", 1, {}, "a:2");
  add("a", 2, {}, "a:1");
  EXPECT_EQ(registry_.lineage("a:1").ancestors.size(), 1U);
  EXPECT_NO_THROW(registry_.curves("a:1"));
}

TEST_F(History, CurvesAreWrittenWithAVersionAndAtTheEnd) {
  const std::string run = begin();
  measure(run, 1, 9);
  measure(run, 2, 8);
  EXPECT_EQ(registry_.select("SELECT * FROM run_metrics", 10).rows.size(), 0U);
  add("a", 2, {}, {}, run);
  EXPECT_EQ(points("a:1"), "1:9 2:8 ");
  measure(run, 3, 7);
  registry_.write_curves();
  EXPECT_EQ(registry_.select("SELECT * FROM run_metrics", 10).rows.size(), 3U);
  EXPECT_EQ(points("a:1"), "1:9 2:8 ") << "a version's curve ends at its step";
}

TEST_F(History, PointsSurviveACommitThatFails) {
  const std::string run = begin();
  measure(run, 1, 9);
  NewVersion version;
  version.name = "a";
  version.run = run;
  EXPECT_THROW(registry_.add_version(version, [](std::int64_t) -> bool { throw Error(ErrorCode::io, "no"); }),
               Error);
  add("a", 1, {}, {}, run);
  EXPECT_EQ(points("a:1").substr(0, 4), "1:9 ");
}

TEST_F(History, AConnectionForAnotherThreadWritesWhatTheFirstRecorded) {
  const std::string run = begin();
  measure(run, 1, 9);
  FileSystem files;
  const std::unique_ptr<Registry> other = registry_.second(files);
  NewVersion version;
  version.name = "a";
  version.run = run;
  version.stage = "train";
  version.step = 1;
  other->add_version(version, [](std::int64_t) { return true; });
  EXPECT_EQ(points("a:1"), "1:9 ");
  registry_.write_curves();
  EXPECT_EQ(points("a:1"), "1:9 ");
}

TEST_F(History, OtherThreadsMayRecordWhileAVersionIsCommitted) {
  const std::string run = begin();
  constexpr int kThreads = 4, kSteps = 200;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int step = 0; step < kSteps; ++step) measure(run, i * kSteps + step, 1);
    });
  }
  for (int i = 0; i < 10; ++i) add("a", 100000, {}, {}, run);
  for (std::thread& thread : threads) thread.join();
  registry_.write_curves();
  EXPECT_EQ(registry_.select("SELECT * FROM run_metrics", 10).rows.size(), std::size_t{kThreads} * kSteps);
}

TEST_F(History, ACurveFollowsTheRunsThatWentOnFromEachOther) {
  const std::string first = begin(), second = begin();
  measure(first, 1, 9);
  measure(first, 2, 8);
  add("a", 2, {}, {}, first);
  measure(first, 3, 99);  // lost: nobody went on from here
  registry_.write_curves();
  measure(second, 3, 7);
  add("a", 3, {}, "a:1", second);
  measure(second, 4, 6);
  measure(second, 4, 5, "evaluate");
  add("a", 4, {}, "a:2", second);
  EXPECT_EQ(points("a:3"), "1:9 2:8 3:7 4:6 ");
  registry_.remove_version("a:1");
  EXPECT_EQ(points("a:3"), "1:9 2:8 3:7 4:6 ") << "what led to a removed version is still known";
  measure(second, 5, std::nan(""));
  registry_.write_curves();
  add("a", 5, {}, "a:3", second);
  const auto json = boost::json::parse(curves_json(registry_.curves("a"))).as_object();
  EXPECT_EQ(json.at("uri").as_string(), "a:4");
  EXPECT_TRUE(json.at("metrics").at("loss").at(4).at("value").is_null());
  EXPECT_EQ(json.at("metrics").at("loss").at(0).at("tokens").as_int64(), 10);
  EXPECT_NE(curves_text(registry_.curves("a")).find("STEP  TOKENS  loss\n   1      10     9\n"),
            std::string::npos)
      << curves_text(registry_.curves("a"));
}

TEST_F(History, ComparesTwoVersions) {
  const std::string one = begin("[model]\nhidden_size = 64\nlayers = 2\n"),
                    two = begin("[model]\nhidden_size = 128\nlayers = 2\nbias = true\n");
  add("a", 1, {{"loss", 2.0}}, {}, one);
  add("a", 2, {{"loss", 1.5}, {"f1", 0.5}}, {}, two);
  const auto json = boost::json::parse(comparison_json(registry_.details("a:1"), registry_.details("a:2")));
  const boost::json::array config = {{{"key", "model.bias"}, {"a", nullptr}, {"b", "true"}},
                                     {{"key", "model.hidden_size"}, {"a", 64}, {"b", 128}}};
  EXPECT_EQ(json.at("config"), config);
  EXPECT_TRUE(json.at("plugins").as_array().empty());
  EXPECT_EQ(json.at("metrics").as_array().size(), 2U);
  const std::string text = comparison_text(registry_.details("a:1"), registry_.details("a:2"));
  for (const char* part :
       {"a:1", "config.model.hidden_size  64", "metrics.f1                -", "-0.5", "the same"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST_F(History, SqlReadsAndNothingElse) {
  add("a", 7, {{"loss", 0.5}});
  const SqlTable table =
      registry_.select("SELECT name, step, x'00ff' AS b, NULL AS n, 0.5 AS r FROM versions;", 10);
  EXPECT_EQ(sql_text(table), "name  step  b       r\na        7  00ff  0.5\n");
  EXPECT_EQ(boost::json::parse(sql_json(table)),
            (boost::json::array{{{"name", "a"}, {"step", 7}, {"b", "00ff"}, {"n", nullptr}, {"r", 0.5}}}));
  for (const char* sql : {"DELETE FROM versions", "UPDATE versions SET step = 1", "DROP TABLE versions",
                          "PRAGMA user_version = 9", "ATTACH 'x' AS y", "CREATE TEMP TABLE t(x)", "BEGIN",
                          "VACUUM", "WITH a AS (SELECT 1) INSERT INTO names VALUES('x', 1)"}) {
    const Error error = error_of([&] { registry_.select(sql, 10); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_config) << sql;
    EXPECT_NE(error.message().find("only SELECT"), std::string::npos) << sql << ": " << error.message();
  }
  for (const char* sql : {"", "SELECT 1; SELECT 2", "-- nothing", "SELECT", "SELECT nothing FROM versions"}) {
    EXPECT_EQ(error_of([&] { registry_.select(sql, 10); }).code(), ErrorCode::invalid_config) << sql;
  }
  add("a", 8);  // the registry is as it was
}

TEST_F(History, SqlStopsAtItsTimeLimit) {
  const Error error = error_of([&] {
    registry_.select("WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) SELECT max(x) FROM a",
                     0.05);
  });
  EXPECT_NE(error.message().find("0.05 s"), std::string::npos) << error.message();
  EXPECT_NO_THROW(registry_.list());
}

TEST(RunConfig, FlattensTablesAndNamesThoseOfLists) {
  EXPECT_EQ(
      config_rows_json("a = 1\n[b]\nc = 0.5\nd = [1, 2]\ne = { f = true }\n"
                       "[[stage]]\ntype = \"train\"\n[[stage]]\ntype = \"train\"\n[[stage]]\nname = \"x\"\n"),
      R"([["a",1],["b.c",5E-1],["b.d","[1, 2]"],["b.e.f","true"],["stage.train.type","train"],)"
      R"(["stage.1.type","train"],["stage.x.name","x"]])");
  EXPECT_TRUE(config_rows("not = = toml").empty());
}

TEST(Migration, FillsInTheConfigurationsOfOldRuns) {
  Database database;
  migrate(database, migrations().first(1));
  database.execute(
      "INSERT INTO runs VALUES('r', 'a', 'finished', '', '', '[model]' || char(10) || 'x = 3', 1, '', '', 1),"
      "('s', 'a', 'finished', '', '', 'nonsense', 1, '', '', 1)");
  migrate(database, migrations());
  EXPECT_EQ(database.number("SELECT count(*) FROM run_config"), 1);
  EXPECT_EQ(database.number("SELECT value FROM run_config WHERE key = 'model.x'"), 3);
  EXPECT_EQ(database.text("SELECT typeof(value) FROM run_config"), "integer");
}

}  // namespace
}  // namespace easylm
