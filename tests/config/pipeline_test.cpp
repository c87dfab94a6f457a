// Whole pipeline files: what is loaded, from where each value came, how stages are matched.
#include "config/pipeline_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>

#include "config/document.h"
#include "config/show.h"
#include "fake_descriptions.h"
#include "temporary_folder.h"

namespace easylm {
namespace {

constexpr const char* kPipeline = R"([run]
name = "shakespeare"
seed = 42
device = "cuda:1"
precision = "bf16"
[tokenizer]
type = "byte"
[dataset.train]
type = "text"
path = "train.txt"
sequence_length = 64
[dataset.validation]
type = "text"
path = "train.txt"
[model]
type = "llama"
hidden_size = 64
num_attention_heads = 4
num_hidden_layers = 2
rope_scaling = { kind = "llama3" }
attention = { type = "sdpa", softcap = 2 }
[optimizer]
type = "adamw"
schedule = { type = "warmup_cosine", warmup_steps = 40, peak = 1e-3, end = 1e-4 }
[checkpoint]
type = "safetensors"
every_steps = 100
keep_last = 2
[[tracker]]
type = "jsonl"
[[stage]]
type = "train"
steps = 400
[[stage]]
type = "evaluate"
metrics = ["loss", "perplexity"]
dataset.validation = "train"
[[stage]]
type = "generate"
name = "sample"
prompt = "ROMEO:\n\t\"\u0001é"
model = "shakespeare@best"
)";

class Pipeline : public ::testing::Test {
 protected:
  Pipeline() : descriptions_(testing::FakeDescriptions::realistic()) {
    folder_.write("train.txt", "text");
    options_.directory = folder_.path();
  }

  PipelineConfig load(const std::string& text) {
    const auto file = folder_.write("pipeline.toml", text);
    auto config = load_pipeline(file, options_, descriptions_, diagnostics_);
    if (!config) throw std::runtime_error(diagnostics_.text());
    return std::move(*config);
  }

  // The inputs of a stage: "model=stage 0, tokenizer=table tokenizer".
  static std::string inputs(const StageConfig& stage) {
    std::string text;
    for (const InputSource& input : stage.inputs) {
      text += (text.empty() ? "" : ", ") + input.port + "=";
      if (input.kind == SourceKind::absent) text += "absent";
      if (input.kind == SourceKind::table) text += "table " + input.table;
      if (input.kind == SourceKind::stage) text += "stage " + std::to_string(input.stage);
      if (input.kind == SourceKind::reference) text += "reference " + input.reference;
    }
    return text;
  }

  testing::TemporaryFolder folder_;
  testing::FakeDescriptions descriptions_;
  LoadOptions options_;
  Diagnostics diagnostics_;
};

TEST_F(Pipeline, LoadsEverySection) {
  const PipelineConfig config = load(kPipeline);
  EXPECT_EQ(diagnostics_.text(), "");
  EXPECT_EQ(config.run.name, "shakespeare");
  EXPECT_EQ(config.run.seed, 42U);
  EXPECT_EQ(config.run.device, "cuda:1");
  EXPECT_EQ(config.run.precision, "bf16");
  EXPECT_EQ(config.run.threads, 0);
  EXPECT_EQ(config.tokenizer->type, "byte");
  ASSERT_EQ(config.datasets.size(), 2U);
  EXPECT_EQ(*config.dataset("train")->find("path")->as<std::string>(),
            (folder_.path() / "train.txt").string());
  EXPECT_EQ(config.dataset("test"), nullptr);
  EXPECT_EQ(config.model->table.find("attention")->as<Table>()->type, "sdpa");
  EXPECT_EQ(config.optimizer->type, "adamw");
  EXPECT_EQ(show_toml(config.checkpoint->policy),
            "every_steps = 100\nkeep_last = 2\nmilestone_every_steps = 0\nkeep_best = 0\n"
            "best_metric = \"validation_loss\"\nbest_is = \"lowest\"\n");
  EXPECT_EQ(show_toml(config.checkpoint->format), "type = \"safetensors\"\nshard_bytes = 5000000000\n");
  EXPECT_EQ(config.trackers.at(0).type, "jsonl");
  ASSERT_EQ(config.stages.size(), 3U);
  EXPECT_EQ(config.stages[2].name, "sample");
  EXPECT_EQ(config.stages[2].description, descriptions_.find("stage", "generate"));
  EXPECT_EQ(show_toml(config.stages[0].table), "type = \"train\"\nsteps = 400\nvalidate_every_steps = 0\n");
}

TEST_F(Pipeline, MatchesEachInputToTheNearestThatProvidesIt) {
  const PipelineConfig config = load(kPipeline);
  EXPECT_EQ(inputs(config.stages[0]),
            "model=table model, tokenizer=table tokenizer, optimizer=table optimizer, dataset.train=table "
            "dataset.train, dataset.validation=table dataset.validation");
  EXPECT_EQ(inputs(config.stages[1]),
            "model=stage 0, tokenizer=table tokenizer, dataset.validation=table dataset.train");
  EXPECT_EQ(inputs(config.stages[2]), "model=reference shakespeare@best, tokenizer=table tokenizer");
}

TEST_F(Pipeline, TakesTheNearestOfSeveralStagesUnlessOneIsNamed) {
  const PipelineConfig config = load(
      "model = { from = \"a\" }\ntokenizer = \"byte\"\noptimizer = \"adamw\"\n"
      "dataset.train = { type = \"text\", path = \"train.txt\" }\n"
      "[[stage]]\ntype = \"train\"\nname = \"one\"\nsteps = 1\n"
      "[[stage]]\ntype = \"train\"\nname = \"two\"\nsteps = 1\n"
      "[[stage]]\ntype = \"generate\"\n"
      "[[stage]]\ntype = \"generate\"\nname = \"old\"\nmodel = \"stage:one\"\n"
      "[[stage]]\ntype = \"convert\"\n");
  EXPECT_EQ(inputs(config.stages[0]),
            "model=table model, tokenizer=table tokenizer, optimizer=table optimizer, dataset.train=table "
            "dataset.train, dataset.validation=absent");
  EXPECT_EQ(inputs(config.stages[1]).substr(0, 13), "model=stage 0");
  EXPECT_EQ(inputs(config.stages[2]).substr(0, 13), "model=stage 1");
  EXPECT_EQ(inputs(config.stages[3]).substr(0, 13), "model=stage 0");
  EXPECT_EQ(inputs(config.stages[4]), "checkpoint=stage 1");
}

TEST_F(Pipeline, KeepsOnlyGivenKeysOfAModelThatComesFromSomewhere) {
  const PipelineConfig config =
      load("tokenizer = \"byte\"\nstage = \"generate\"\n[model]\nfrom = \"shakespeare@best\"\ndropout = 1\n");
  EXPECT_EQ(config.model->from, "shakespeare@best");
  EXPECT_EQ(config.model->from_origin.line, 4);
  EXPECT_EQ(show_toml(config.model->table), "dropout = 1.0\n");
  EXPECT_EQ(show_toml(*config.resolved.find("model")->as<Table>()),
            "from = \"shakespeare@best\"\ndropout = 1.0\n");
}

TEST_F(Pipeline, LeavesTheTokenizerToTheModelIfThatComesFromSomewhere) {
  const PipelineConfig whole = load("model = { from = \"a\" }\nstage = \"generate\"\n");
  EXPECT_EQ(inputs(whole.stages[0]), "model=table model, tokenizer=table tokenizer");
  EXPECT_FALSE(whole.tokenizer);
  ASSERT_EQ(model_references(whole).size(), 1U);
  EXPECT_EQ(model_references(whole)[0].reference, "a");
  const PipelineConfig two = load(
      "model = { from = \"a\" }\n[[stage]]\ntype = \"generate\"\nmodel = \"b\"\n"
      "[[stage]]\ntype = \"generate\"\nname = \"again\"\nmodel = \"a\"\n");
  ASSERT_EQ(model_references(two).size(), 2U);
  EXPECT_EQ(model_references(two)[1].reference, "b");
  EXPECT_EQ(model_references(two)[1].origin.line, 4);
}

TEST_F(Pipeline, PrefersTheCommandLineToTheEnvironmentToTheFileToTheDefault) {
  options_.environment = {{"EASYLM__RUN__SEED", "2"}, {"EASYLM__RUN__THREADS", "2"}};
  options_.sets = {"run.threads=3"};
  const PipelineConfig config = load(kPipeline);
  EXPECT_EQ(config.run.seed, 2U);
  EXPECT_EQ(config.run.threads, 3);
  const Table& run = *config.resolved.find("run")->as<Table>();
  const std::string file = (folder_.path() / "pipeline.toml").string();
  EXPECT_EQ(show_toml(run, ShowOrigins::yes),
            "name = \"shakespeare\"  # " + file + ":2\nseed = 2  # environment\ndevice = \"cuda:1\"  # " +
                file + ":4\nprecision = \"bf16\"  # " + file +
                ":5\nthreads = 3  # --set\nstop_timeout_seconds = 300  # default\n");
}

TEST_F(Pipeline, ShowsWhatLoadsAgainToTheSame) {
  const std::string shown = show_toml(load(kPipeline).resolved);
  EXPECT_NE(shown.find("[model.rope_scaling]\nkind = \"llama3\"\nfactor = 1.0\n"), std::string::npos)
      << shown;
  EXPECT_NE(shown.find("prompt = \"ROMEO:\\n\\t\\\"\\u0001é\"\n"), std::string::npos) << shown;
  EXPECT_EQ(show_toml(load(shown).resolved), shown);
  EXPECT_EQ(diagnostics_.text(), "");
}

TEST_F(Pipeline, ShowsOriginsAsCommentsOfTheSameDocument) {
  const PipelineConfig config = load(kPipeline);
  const std::string shown = show_toml(config.resolved, ShowOrigins::yes);
  Diagnostics diagnostics;
  const auto again = parse_document(shown, "shown", diagnostics);
  ASSERT_TRUE(again.has_value()) << diagnostics.text();
  EXPECT_EQ(show_toml(*again), show_toml(config.resolved));
  std::size_t without = 0;
  std::istringstream lines(shown);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" = ") != std::string::npos && line.find("  # ") == std::string::npos) ++without;
  }
  EXPECT_EQ(without, 0U) << shown;
}

TEST_F(Pipeline, NamesTheRunAfterItsFile) {
  EXPECT_EQ(load("tokenizer = \"byte\"\nmodel = { from = \"x\" }\nstage = \"generate\"\n").run.name,
            "pipeline");
}

TEST_F(Pipeline, ChecksAStagesConditionAgainstWhatTheStageIsGiven) {
  const std::string text =
      "tokenizer = \"byte\"\noptimizer = \"adamw\"\n"
      "[dataset]\ntrain = { type = \"text\", path = \"train.txt\", sequence_length = 8 }\n"
      "validation = { type = \"text\", path = \"train.txt\", sequence_length = 16 }\n"
      "[model]\ntype = \"llama\"\nhidden_size = 8\nnum_attention_heads = 2\nnum_hidden_layers = 1\n"
      "max_position_embeddings = 8\n[[stage]]\ntype = \"train\"\nsteps = 1\n[[stage]]\ntype = \"evaluate\"\n";
  EXPECT_THROW(load(text), std::runtime_error);  // the trained model is the table's: 16 tokens don't fit
  EXPECT_EQ(diagnostics_.sorted().at(0).message, "rows of 16 tokens are longer than the model's 8 positions");
  diagnostics_ = {};
  EXPECT_NO_THROW(load(text + "model = \"other@best\"\n"));  // nothing is known of that one yet
  EXPECT_NO_THROW(load(text + "dataset.validation = \"train\"\n"));
  EXPECT_EQ(diagnostics_.text(), "");
}

constexpr const char* kStretched =
    "tokenizer = \"byte\"\noptimizer = \"adamw\"\n"
    "[dataset]\ntrain = { type = \"text\", path = \"train.txt\", sequence_length = 8 }\n"
    "long = { type = \"text\", path = \"train.txt\", sequence_length = 16 }\n"
    "[model]\ntype = \"llama\"\nhidden_size = 8\nnum_attention_heads = 2\nnum_hidden_layers = 1\n"
    "max_position_embeddings = 8\n"
    "[[stage]]\ntype = \"train\"\nsteps = 1\n"
    "[[stage]]\ntype = \"train\"\nname = \"extend\"\nsteps = 1\ndataset.train = \"long\"\n"
    "model = { from = \"stage:train\", max_position_embeddings = 16, rope_scaling = { kind = \"linear\", "
    "factor = 2 "
    "} }\n"
    "[[stage]]\ntype = \"evaluate\"\ndataset.validation = \"long\"\n";

TEST_F(Pipeline, GivesAStageAModelWithOtherSettings) {
  const PipelineConfig config = load(kStretched);
  EXPECT_EQ(diagnostics_.text(), "");
  EXPECT_EQ(inputs(config.stages[1]).substr(0, 13), "model=stage 0");
  const InputSource& model = config.stages[1].inputs.at(0);
  EXPECT_EQ(show_toml(model.settings),
            "max_position_embeddings = 16\n\n[rope_scaling]\nkind = \"linear\"\nfactor = 2.0\n");
  EXPECT_TRUE(config.stages[0].inputs.at(0).settings.settings.empty());
  EXPECT_TRUE(config.stages[2].inputs.at(0).settings.settings.empty()) << "what was trained has them already";
  const std::string shown = show_toml(config.resolved);
  EXPECT_NE(shown.find("[stage.model]\nfrom = \"stage:train\"\nmax_position_embeddings = 16\n"),
            std::string::npos)
      << shown;
  EXPECT_EQ(show_toml(load(shown).resolved), shown);
}

TEST_F(Pipeline, ChecksAStagesConditionAgainstTheModelsOtherSettings) {
  std::string text = kStretched;
  text.replace(text.find("max_position_embeddings = 16"), 28, "max_position_embeddings = 12");
  EXPECT_THROW(load(text), std::runtime_error);
  ASSERT_EQ(diagnostics_.sorted().size(), 2U) << "of the stage, and of the one that takes what it made";
  EXPECT_EQ(diagnostics_.sorted().at(0).message, "rows of 16 tokens don't fit 12 positions");
}

TEST_F(Pipeline, ChecksADocumentThatWasReadAlready) {
  const auto root = parse_document(kPipeline, "version.toml", diagnostics_);
  const auto config = check_pipeline(*root, "version.toml", options_, descriptions_, diagnostics_);
  ASSERT_TRUE(config.has_value()) << diagnostics_.text();
  EXPECT_EQ(config->run.name, "shakespeare");
}

TEST_F(Pipeline, LoadsInUnderFiveMilliseconds) {
  const auto file = folder_.write("pipeline.toml", kPipeline);
  auto best = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_TRUE(load_pipeline(file, options_, descriptions_, diagnostics_).has_value());
    best = std::min(best, std::chrono::steady_clock::now() - start);
  }
  const auto limit_ms = std::chrono::milliseconds(EASYLM_TIME_FACTOR * 5);
  EXPECT_LT(best, limit_ms);
}

}  // namespace
}  // namespace easylm
