// A plugin that was compiled with the headers of API 1.0 is found, made and used by the host of today.
#include <gtest/gtest.h>

#include "easylm/error.h"
#include "easylm/schedule.h"
#include "plugin/component_maker.h"
#include "plugin/support.h"
#include "support/fake_context.h"
#include "support/fake_host.h"

namespace easylm::test {
namespace {

class OlderPlugin : public ::testing::Test {
 protected:
  OlderPlugin() { folder.add("old.so", fixture("plugin_1_0")); }

  template <typename T>
  std::shared_ptr<T> make(std::string type, std::vector<Setting> settings = {}) {
    Table table;
    table.type = std::move(type);
    table.settings = std::move(settings);
    if (!catalogue) catalogue.emplace(folder.scan());
    return std::dynamic_pointer_cast<T>(
        ComponentMaker(*catalogue, folder.path()).make(host, T::kKind, table));
  }

  PrivateFolder folder;
  testing::FakeHost host;
  std::optional<Catalogue> catalogue;
};

TEST_F(OlderPlugin, IsListedFromItsFile) {
  const Catalogue found = folder.scan();
  ASSERT_EQ(found.entries().size(), 3U) << all_reasons(found.entries().front().reasons);
  const CatalogueEntry& entry = found.entries().front();
  EXPECT_EQ(entry.status, PluginStatus::available) << all_reasons(entry.reasons);
  EXPECT_EQ(entry.kind + " " + entry.name + " " + entry.plugin, "schedule halving plugin-of-1-0");
  const InspectedPlugin* plugin = found.provider("schedule", "halving");
  ASSERT_NE(plugin, nullptr);
  EXPECT_EQ(plugin->manifest->api_major, 1);
  EXPECT_EQ(plugin->manifest->api_minor, 0);
  EXPECT_GT(PluginManifest::of_host().api_minor, 0) << "the host is of 1.0 itself, and this tests nothing";
}

TEST_F(OlderPlugin, GivesASchedule) {
  const auto schedule = make<Schedule>("halving", {{"initial", {4.0, {}}}});
  ASSERT_NE(schedule, nullptr);
  schedule->plan(2);
  EXPECT_EQ(schedule->at(0), 8);
  EXPECT_EQ(schedule->at(3), 1);
  EXPECT_TRUE(host.logged(LogLevel::warning, "[schedule] made by a plugin of 1.0"));
  EXPECT_EQ(schedule->extension("easylm.schedule.of_a_later_minor/1"), nullptr);
}

TEST_F(OlderPlugin, ThrowsAnErrorThatTheHostUnderstands) {
  try {
    make<Schedule>("halving", {{"initial", {13.0, {}}}});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_EQ(error.message(), "schedule 'halving': thirteen");
    EXPECT_EQ(error.hint(), "take another number");
  }
}

TEST_F(OlderPlugin, GivesATracker) {
  const auto tracker = make<Tracker>("lines");
  ASSERT_NE(tracker, nullptr);
  tracker->open({"a run", folder.path(), "x = 1"});
  const Metric metric = {"loss", 0.5};
  tracker->log({.stage = "train", .step = 1, .tokens = 20, .time = 2.5, .metrics = {&metric, 1}});
  tracker->close();
  EXPECT_EQ(read_file(folder.path() / "lines.txt"), "a run x = 1\ntrain 1 20 2.5 loss=0.5\n");
}

TEST_F(OlderPlugin, GivesAStageThatUsesTheHost) {
  const auto stage = make<Stage>("tour");
  ASSERT_NE(stage, nullptr);
  testing::FakeCheckpoints checkpoints(folder.path(), nullptr);
  checkpoints.every_steps = 1;
  testing::FakeContext context(host, checkpoints);
  context.inputs["model"].uri = "model:4";
  stage->run(context);
  const std::string number = std::to_string(host.random("tour", 3).next());
  EXPECT_EQ(context.all_printed(), "test 1 cpu fp32 1 stage " + number + " goes on model:4");
  EXPECT_EQ(context.logged("loss"), std::vector<double>{0.5});
  EXPECT_EQ(context.logged("tokens"), std::vector<double>{70});
  EXPECT_EQ(context.progressed, 1);
  ASSERT_EQ(checkpoints.requests.size(), 2U);
  EXPECT_EQ(checkpoints.requests[0].step, 2);
  EXPECT_EQ(checkpoints.requests[0].metrics, (NamedNumbers{{"loss", 0.5}}));
  EXPECT_EQ(checkpoints.measured.at(0).first, "fake:1");
  EXPECT_EQ(checkpoints.aliases.at(0).second, "best");
  EXPECT_EQ(read_file(folder.path() / "v2/weights"), "w");
  EXPECT_EQ(context.outputs.at("report").uri, "fake:2");
}

}  // namespace
}  // namespace easylm::test
