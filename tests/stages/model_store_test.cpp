// Models between memory and disk: read back, refused, and what is said about it.
#include "easylm/tensor/model_store.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "easylm/json.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"
#include "support/small_training.h"

namespace easylm {
namespace {

using testing::error_of;
using testing::parameters_of;
using testing::SmallTraining;
using testing::train_table;
using testing::whole;

// The version of a finished run, as the next pipeline's [model] from = "…".
Artifact version_of(SmallTraining& setup) { return setup.context->outputs.at("checkpoint"); }

TEST(ModelStore, ReadsBackTheWeightsThatTrainingSaved) {
  for (const char* precision : {"fp32", "bf16"}) {
    SmallTraining setup;
    setup.context->facts.precision = precision;
    setup.run(train_table(3));
    const auto saved = parameters_of(*setup.context->inputs["model"].component);
    setup.context->inputs["model"] = version_of(setup);
    const ReadyModel ready = obtain_model(*setup.context, at::kCPU, compute_dtype(precision));
    EXPECT_EQ(ready.uri, "fake:1");
    const auto read = parameters_of(*ready.model);
    ASSERT_EQ(read.size(), saved.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
      EXPECT_TRUE(aten::equal(read[i].value, saved[i].value)) << read[i].name;
    }
    EXPECT_TRUE(setup.host.warnings.empty());
  }
}

TEST(ModelStore, NamesEveryTensorThatDoesNotFit) {
  SmallTraining setup;
  setup.run(train_table(1));
  Artifact artifact = version_of(setup);
  artifact.config.type = "llama";
  artifact.config.set("num_hidden_layers", {std::int64_t{1}, {.source = "file"}});
  artifact.config.set("intermediate_size", {std::int64_t{48}, {.source = "file"}});
  setup.context->inputs["model"] = artifact;
  const Error error = error_of([&] { obtain_model(*setup.context, at::kCPU, at::kFloat); });
  EXPECT_EQ(error.code(), ErrorCode::corrupt);
  EXPECT_NE(error.message().find("layers.0.mlp.up_proj.weight is [64, 32], expected [48, 32]"),
            std::string::npos);
  EXPECT_NE(error.message().find("layers.1.mlp.up_proj.weight is in the file but not in the model"),
            std::string::npos);
}

TEST(ModelStore, NamesTheKeysOfAConfigThatItLeavesOut) {
  SmallTraining setup;
  setup.run(train_table(1));
  const auto file = version_of(setup).path / "config.json";
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  Table config = parse_json_object(text.str(), "config.json");
  config.set("sliding_window", whole(64));
  std::ofstream(file) << json_text(config);
  setup.context->inputs["model"] = version_of(setup);
  obtain_model(*setup.context, at::kCPU, at::kFloat);
  ASSERT_EQ(setup.host.warnings.size(), 1U);
  EXPECT_NE(setup.host.warnings[0].find("sliding_window"), std::string::npos);
}

TEST(ModelStore, SaysThatNoFormatReadsAPath) {
  SmallTraining setup;
  setup.context->inputs["model"] =
      Artifact{.component = nullptr, .path = setup.corpus, .uri = {}, .config = {}};
  const Error error = error_of([&] { obtain_model(*setup.context, at::kCPU, at::kFloat); });
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_NE(error.message().find("corpus.txt"), std::string::npos);
}

}  // namespace
}  // namespace easylm
