// The convert stage takes files as they are, and says so where a pipeline offers something else.
#include <gtest/gtest.h>

#include "support/small_training.h"

namespace easylm::testing {
namespace {

Table convert_table(const std::filesystem::path& to) {
  return table_of("convert", {{"path", word(to.string())}, {"format", {table_of("hf"), {}}}});
}

TEST(ConvertStage, WritesTheVersionThatAnEarlierStageSaved) {
  SmallTraining training;
  training.run(train_table(1));
  training.context->inputs["model"] = training.context->outputs.at("model");
  training.run(convert_table(training.folder.path() / "out"));
  EXPECT_TRUE(std::filesystem::exists(training.folder.path() / "out/model.safetensors"));
  EXPECT_EQ(training.context->outputs.at("export").path, training.folder.path() / "out");
  EXPECT_NE(training.context->all_printed().find("none missing"), std::string::npos);
}

TEST(ConvertStage, RefusesAModelThatWasNeverSaved) {
  SmallTraining training;
  const Error error = error_of([&] { training.run(convert_table(training.folder.path() / "out")); });
  EXPECT_NE(error.message().find("never saved"), std::string::npos);
}

TEST(ConvertStage, RefusesSettingsThatItWouldIgnore) {
  SmallTraining training;
  training.run(train_table(1));
  Artifact model = training.context->outputs.at("model");
  model.config.set("rope_theta", {5e5, {"file", "x.toml", 3, 1}});
  training.context->inputs["model"] = model;
  const Error error = error_of([&] { training.run(convert_table(training.folder.path() / "out")); });
  EXPECT_NE(error.message().find("model.rope_theta"), std::string::npos);
}

}  // namespace
}  // namespace easylm::testing
