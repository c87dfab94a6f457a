// What flows between stages: from tables, from earlier stages, and never from anywhere else.
#include "pipeline/workspace.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "support/fake_host.h"

namespace easylm {
namespace {

class Thing : public Component {};

// Makes a new Thing for every request, and remembers what was asked for.
class MakingHost : public testing::FakeHost {
 public:
  std::shared_ptr<Component> make_component(std::string_view kind, const Table& table) override {
    made.push_back(std::string(kind) + "/" + table.type);
    return std::make_shared<Thing>();
  }
  std::vector<std::string> made;
};

Table named(const std::string& type) {
  Table table;
  table.type = type;
  return table;
}

InputSource from_table(const std::string& port) {
  InputSource source;
  source.port = port;
  source.kind = SourceKind::table;
  source.table = port;
  return source;
}

// Two stages: the first trains, the second measures what the first made.
class WorkspaceTest : public ::testing::Test {
 protected:
  WorkspaceTest() {
    trains_.makes = {"model"};
    config_.tokenizer = named("byte");
    config_.datasets = {{"train", named("text")}};
    StageConfig train;
    train.name = "train";
    train.description = &trains_;
    train.inputs = {from_table("tokenizer"), from_table("dataset.train")};
    StageConfig measure;
    measure.name = "measure";
    measure.description = &measures_;
    InputSource model;
    model.port = "model";
    model.kind = SourceKind::stage;
    model.stage = 0;
    InputSource missing;
    missing.port = "report";
    missing.required = false;
    measure.inputs = {from_table("tokenizer"), from_table("dataset.train"), model, missing};
    config_.stages = {train, measure};
  }

  ErrorCode code_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& e) {
      return e.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::io;
  }

  ComponentDescription trains_, measures_;
  PipelineConfig config_;
  MakingHost host_;
};

TEST_F(WorkspaceTest, SharesTheTokenizerAndMakesDatasetsAnew) {
  Workspace workspace(config_, host_, "/nowhere");
  EXPECT_EQ(workspace.input(0, "tokenizer").component, workspace.input(1, "tokenizer").component);
  EXPECT_NE(workspace.input(0, "dataset.train").component, workspace.input(1, "dataset.train").component);
  EXPECT_EQ(host_.made, (std::vector<std::string>{"tokenizer/byte", "dataset/text", "dataset/text"}));
}

TEST_F(WorkspaceTest, HandsOnWhatAnEarlierStageMade) {
  Workspace workspace(config_, host_, "/nowhere");
  const auto model = std::make_shared<Thing>();
  workspace.output(0, "model", {.component = model, .path = "/x", .uri = "tiny:1", .config = {}});
  const Artifact seen = workspace.input(1, "model");
  EXPECT_EQ(seen.component, model);
  EXPECT_EQ(seen.uri, "tiny:1");
}

TEST_F(WorkspaceTest, GivesAModelWithOtherSettingsByItsPlace) {
  config_.stages[1].inputs[2].settings.set("positions", {std::int64_t{64}, {}});
  Workspace workspace(config_, host_, "/nowhere");
  workspace.output(0, "model",
                   {.component = std::make_shared<Thing>(), .path = "/x", .uri = "tiny:1", .config = {}});
  const Artifact seen = workspace.input(1, "model");
  EXPECT_EQ(seen.component, nullptr) << "the live one has its own settings";
  EXPECT_EQ(seen.path, "/x");
  EXPECT_EQ(seen.uri, "tiny:1");
  EXPECT_EQ(*seen.config.find("positions")->as<std::int64_t>(), 64);
}

TEST_F(WorkspaceTest, RefusesPortsThatWereNotDeclared) {
  Workspace workspace(config_, host_, "/nowhere");
  EXPECT_EQ(code_of([&] { workspace.input(0, "model"); }), ErrorCode::internal);
  EXPECT_EQ(code_of([&] { workspace.output(1, "model", {}); }), ErrorCode::internal);
}

TEST_F(WorkspaceTest, SaysThatAStageEndedWithoutMakingWhatItPromised) {
  Workspace workspace(config_, host_, "/nowhere");
  try {
    workspace.input(1, "model");
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("stage 'train' ended without making 'model'"), std::string::npos)
        << e.message();
  }
}

TEST_F(WorkspaceTest, KnowsWhichOptionalInputsAreThere) {
  const Workspace workspace(config_, host_, "/nowhere");
  EXPECT_TRUE(workspace.has(1, "model"));
  EXPECT_FALSE(workspace.has(1, "report"));
  EXPECT_FALSE(workspace.has(0, "model"));
}

}  // namespace
}  // namespace easylm
