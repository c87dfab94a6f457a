// Components made by name, and fences around plugins that break their contract.
#include "plugin/component_maker.h"

#include <gtest/gtest.h>

#include <thread>

#include "easylm/schedule.h"
#include "support.h"
#include "support/fake_host.h"

namespace easylm::test {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

Table table_of(std::string type, std::vector<Setting> settings = {}) {
  Table table;
  table.type = std::move(type);
  table.settings = std::move(settings);
  return table;
}

class Maker : public ::testing::Test {
 protected:
  void use(std::string_view name) { folder.add(std::string(name) + ".so", fixture(name)); }

  std::shared_ptr<Component> make(const Table& table) {
    if (!catalogue) catalogue.emplace(folder.scan());
    return ComponentMaker(*catalogue, folder.path()).make(host, "schedule", table);
  }

  double rate(const Table& table) {
    const auto schedule = std::dynamic_pointer_cast<Schedule>(make(table));
    return schedule ? schedule->at(0) : -1;
  }

  Error failure(const Table& table) {
    try {
      make(table);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return {ErrorCode::internal, ""};
  }

  PrivateFolder folder;
  testing::FakeHost host;
  std::optional<Catalogue> catalogue;
};

TEST_F(Maker, LoadsAPluginOnlyWhenItIsNeededAndOnce) {
  use("good");
  catalogue.emplace(folder.scan());
  EXPECT_EQ(folder.runs(), 0);
  EXPECT_EQ(rate(table_of("flat", {{"value", {2.0, {}}}})), 2.0);
  EXPECT_EQ(rate(table_of("flat", {{"value", {3.0, {}}}})), 3.0);
  EXPECT_EQ(folder.runs(), 1);
}

TEST_F(Maker, LoadsAPluginOnceForSeveralThreads) {
  use("good");
  catalogue.emplace(folder.scan());
  std::vector<double> rates(4, -1);
  std::vector<std::jthread> threads;
  threads.reserve(rates.size());
  for (double& result : rates) threads.emplace_back([&] { result = rate(table_of("flat")); });
  threads.clear();
  EXPECT_EQ(rates, std::vector<double>(4, 0.5));
  EXPECT_EQ(folder.runs(), 1);
}

TEST_F(Maker, FillsInDefaultsAndPresets) {
  use("good");
  EXPECT_EQ(rate(table_of("flat")), 0.5);
  EXPECT_EQ(rate(table_of("flat", {{"preset", {std::string("small"), {}}}})), 0.125);
}

TEST_F(Maker, ChecksSettingsThatNobodyHasChecked) {
  use("good");
  const Error error = failure(table_of("flat", {{"value", {-1.0, {}}}, {"valu", {1.0, {}}}}));
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_TRUE(contains(error.message(), "value")) << error.message();
  EXPECT_TRUE(contains(error.message(), "valu")) << error.message();
  EXPECT_EQ(folder.runs(), 0);
}

TEST_F(Maker, SuggestsTheNearestName) {
  use("good");
  const Error error = failure(table_of("flatt"));
  EXPECT_EQ(error.code(), ErrorCode::not_found);
  EXPECT_EQ(error.message(), "there is no schedule 'flatt'");
  EXPECT_TRUE(contains(error.hint(), "did you mean 'flat'?")) << error.hint();
}

TEST_F(Maker, SaysWhyAComponentCannotBeUsedHere) {
  use("cuda");
  folder.add("old.so", with_manifest_line(fixture("good"), "torch", "1.0.0"));
  EXPECT_EQ(failure(table_of("on_gpu")).code(), ErrorCode::device);
  EXPECT_TRUE(contains(failure(table_of("on_gpu")).message(), "this machine has no GPU"));
  EXPECT_EQ(failure(table_of("flat")).code(), ErrorCode::plugin);
  EXPECT_TRUE(contains(failure(table_of("flat")).message(), "LibTorch 1.0.0"));
  EXPECT_EQ(folder.runs(), 0);
}

TEST_F(Maker, PassesTheComponentsOwnErrorOnWithItsName) {
  use("good");
  const Error error = failure(table_of("failing"));
  EXPECT_EQ(error.code(), ErrorCode::io);
  EXPECT_EQ(error.message(), "schedule 'failing': the disk is full");
  EXPECT_EQ(error.hint(), "remove something");
}

TEST_F(Maker, TurnsForeignExceptionsIntoErrorsOfThePlugin) {
  use("good");
  const std::string who = "plugin fixture-good (" + (folder.path() / "good.so").string() + "): ";
  const Error private_one = failure(table_of("failing", {{"how", {std::string("exception"), {}}}}));
  EXPECT_EQ(private_one.code(), ErrorCode::plugin);
  EXPECT_EQ(private_one.message(), who + "making schedule 'failing' failed: a private exception");
  const Error number = failure(table_of("failing", {{"how", {std::string("number"), {}}}}));
  EXPECT_EQ(number.code(), ErrorCode::plugin);
  EXPECT_TRUE(contains(number.message(), "an exception that is not a std::exception"));
}

TEST_F(Maker, RefusesAComponentThatIsNothing) {
  use("handmade");
  const Error error = failure(table_of("nothing"));
  EXPECT_EQ(error.code(), ErrorCode::plugin);
  EXPECT_TRUE(contains(error.message(), "making schedule 'nothing' returned nothing"));
}

TEST_F(Maker, RefusesAPluginWhoseDescriptionIsStale) {
  use("stale");
  const Error error = failure(table_of("older"));
  EXPECT_EQ(error.code(), ErrorCode::plugin);
  EXPECT_TRUE(contains(error.message(),
                       "its description is stale: schedule/failing is not described; "
                       "schedule/flat is not described; schedule/older is described but not there"))
      << error.message();
  EXPECT_EQ(error.hint(), "rebuild the plugin");
}

TEST_F(Maker, SurvivesPluginsThatFailToRegister) {
  for (const auto& [name, part] : {std::pair{"throws", "failed while registering: no licence found"},
                                   {"unguarded", "threw while registering"},
                                   {"no_symbol", "doesn't export easylm_plugin_v1"},
                                   {"wrong_symbol", "easylm_plugin_v1 is not an EasylmPluginV1"},
                                   {"unresolved", "easylm_fixture_missing_function"}}) {
    const PrivateFolder own;
    own.add(std::string(name) + ".so", fixture(name));
    catalogue.emplace(own.scan());
    const Error error = failure(table_of("nothing"));
    EXPECT_EQ(error.code(), ErrorCode::plugin);
    EXPECT_TRUE(contains(error.message(), part)) << error.message();
  }
}

TEST_F(Maker, DoesNotMistakeALoadedPluginForItsSuccessor) {
  use("good");
  EXPECT_EQ(rate(table_of("flat")), 0.5);
  catalogue.emplace(folder.scan());
  EXPECT_EQ(rate(table_of("flat")), 0.5);
  EXPECT_EQ(folder.runs(), 1);
  std::filesystem::remove(folder.path() / "good.so");  // not overwritten: it is mapped
  folder.add("good.so", fixture("handmade"));
  catalogue.emplace(folder.scan());
  const Error error = failure(table_of("nothing"));
  EXPECT_TRUE(contains(error.message(), "an earlier version of it is already loaded")) << error.message();
}

TEST_F(Maker, NoticesThatTheFileWasReplaced) {
  use("good");
  catalogue.emplace(folder.scan());
  std::filesystem::remove(folder.path() / "good.so");
  folder.add("good.so", fixture("good") + "x");
  EXPECT_TRUE(contains(failure(table_of("flat")).message(), "the file changed after it was checked"));
  EXPECT_EQ(folder.runs(), 0);
}

}  // namespace
}  // namespace easylm::test
