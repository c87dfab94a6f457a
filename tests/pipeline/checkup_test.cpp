// Estimates and checks that need more than one component.
#include "pipeline/checkup.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "support/fake_host.h"

namespace easylm {
namespace {

class FewDescriptions : public Descriptions {
 public:
  FewDescriptions() {
    known_["model"].facts = {{"parameters", "width * 10"},
                             {"activation_bytes_per_token", "width * 4"},
                             {"recomputed_activation_bytes_per_token", "width"}};
    known_["optimizer"].facts = {{"state_bytes_per_parameter", "8"}};
    known_["dataset"].facts = {{"tokens_per_batch", "rows * 32"}};
  }
  const ComponentDescription* find(std::string_view kind, std::string_view /*name*/) const override {
    const auto found = known_.find(kind);
    return found == known_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names(std::string_view /*kind*/) const override { return {}; }
  std::optional<std::string> reason_unavailable(std::string_view, std::string_view) const override {
    return {};
  }

 private:
  std::map<std::string, ComponentDescription, std::less<>> known_;
};

Table with(const std::string& type, const std::string& key, std::int64_t value) {
  Table table;
  table.type = type;
  table.set(key, {value, {}});
  return table;
}

PipelineConfig pipeline() {
  PipelineConfig config;
  config.run.name = "tiny";
  config.run.device = "cpu";
  config.run.precision = "fp32";
  config.model = ModelConfig{with("llama", "width", 100), {}, {}};
  config.optimizer = with("adamw", "b1", 0);
  config.datasets = {{"train", with("text", "rows", 4)}};
  return config;
}

TEST(Checkup, WorksOutMemoryFromTheFactsOfTheDescriptions) {
  const RunEstimate estimate = estimate_run(pipeline(), FewDescriptions());
  EXPECT_EQ(estimate.parameters, 1000);
  EXPECT_EQ(estimate.tokens_per_step, 128);
  EXPECT_EQ(estimate.weight_bytes, 4000);
  EXPECT_EQ(estimate.gradient_bytes, 4000);
  EXPECT_EQ(estimate.optimizer_bytes, 8000);
  EXPECT_EQ(estimate.activation_bytes, 128 * 400);
}

TEST(Checkup, CountsAccumulatedBatchesAsOneStepButHoldsOneAtATime) {
  PipelineConfig config = pipeline();
  StageConfig train;
  train.table = with("", "accumulate_gradient_steps", 3);
  config.stages = {train};
  const RunEstimate estimate = estimate_run(config, FewDescriptions());
  EXPECT_EQ(estimate.tokens_per_step, 384);
  EXPECT_EQ(estimate.activation_bytes, 128 * 400);
}

TEST(Checkup, EstimatesTheStageWithTheLargestBatch) {
  PipelineConfig config = pipeline();
  config.datasets.emplace_back("long", with("text", "rows", 40));
  StageConfig train;
  train.table = with("", "accumulate_gradient_steps", 1);
  StageConfig extend = train;
  InputSource data;
  data.port = "dataset.train";
  data.kind = SourceKind::table;
  data.table = "dataset.long";
  extend.inputs = {data};
  config.stages = {train, extend, train};
  const RunEstimate estimate = estimate_run(config, FewDescriptions());
  EXPECT_EQ(estimate.tokens_per_step, 1280);
  EXPECT_EQ(estimate.activation_bytes, 1280 * 400);
  config.stages[1].table.set("recompute", {std::string("blocks"), {}});
  EXPECT_EQ(estimate_run(config, FewDescriptions()).activation_bytes, 1280 * 100);
}

TEST(Checkup, AStageThatSavesNeedsACheckpointTable) {
  PipelineConfig config = pipeline();
  ComponentDescription saving;
  saving.makes = {"checkpoint"};
  StageConfig train;
  train.name = "train";
  train.description = &saving;
  config.stages = {train};
  testing::FakeHost host;
  Diagnostics diagnostics;
  check_run(config, host, "/nowhere", FewDescriptions(), diagnostics);
  ASSERT_TRUE(diagnostics.has_errors());
  EXPECT_NE(diagnostics.text().find("there is no [checkpoint] table"), std::string::npos);
  config.checkpoint = CheckpointConfig{};
  Diagnostics none;
  check_run(config, host, "/nowhere", FewDescriptions(), none);
  EXPECT_FALSE(none.has_errors()) << none.text();
}

TEST(Checkup, ARunMayNotTakeTheNameOfAFolderThatTheHostUses) {
  PipelineConfig config = pipeline();
  config.run.name = "checkpoints";
  testing::FakeHost host;
  Diagnostics diagnostics;
  check_run(config, host, "/nowhere", FewDescriptions(), diagnostics);
  EXPECT_NE(diagnostics.text().find("'checkpoints'"), std::string::npos) << diagnostics.text();
}

TEST(Checkup, AModelThatIsNowhereIsFoundBeforeAnythingRuns) {
  PipelineConfig config = pipeline();
  config.model->from = "./no-such-model";
  testing::FakeHost host;
  Diagnostics diagnostics;
  check_run(config, host, "/nowhere", FewDescriptions(), diagnostics);
  EXPECT_NE(diagnostics.text().find("no-such-model"), std::string::npos) << diagnostics.text();
}

}  // namespace
}  // namespace easylm
