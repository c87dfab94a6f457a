// The stages train, evaluate and generate, on a tiny model made of the bundled plugins.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "easylm/json.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/block_runner.h"
#include "easylm/tensor/evaluation.h"
#include "easylm/tensor/loss.h"
#include "easylm/tensor/training_state.h"
#include "support/small_training.h"

namespace easylm {
namespace {

using testing::error_of;
using testing::parameters_of;
using testing::SmallTraining;
using testing::table_of;
using testing::train_table;
using testing::whole;
using testing::word;

// A dataset whose every target has a weight that spoils the loss, from a given batch on.
class SpoiledDataset : public Dataset {
 public:
  SpoiledDataset(std::shared_ptr<Dataset> inner, std::int64_t from) : inner_(std::move(inner)), from_(from) {}
  void open(const DatasetOptions& options) override { inner_->open(options); }
  bool next(TokenBatch& batch) override {
    const bool more = inner_->next(batch);
    if (++served_ <= from_) return more;
    mask_.assign(batch.mask.size(), std::numeric_limits<float>::infinity());
    batch.mask = mask_;
    batch.first.where = "spoiled batch " + std::to_string(served_);
    return more;
  }
  DatasetPosition position() const override { return inner_->position(); }
  void seek(const DatasetPosition& position) override { inner_->seek(position); }
  std::int64_t tokens_per_batch() const override { return inner_->tokens_per_batch(); }
  std::string fingerprint() const override { return inner_->fingerprint(); }

 private:
  std::shared_ptr<Dataset> inner_;
  std::int64_t from_, served_ = 0;
  std::vector<float> mask_;
};

void spoil(SmallTraining& setup, std::int64_t from) {
  auto& slot = setup.context->inputs["dataset.train"].component;
  slot = std::make_shared<SpoiledDataset>(std::dynamic_pointer_cast<Dataset>(slot), from);
}

TEST(Train, LearnsAndHandsOnModelAndCheckpoint) {
  SmallTraining setup;
  setup.run(train_table(30));
  const auto losses = setup.context->logged("loss");
  ASSERT_EQ(losses.size(), 30U);
  EXPECT_LT(losses.back(), losses.front() - 1);
  EXPECT_EQ(setup.context->rows.back().at("tokens"), 30 * 4 * 32);
  EXPECT_EQ(setup.context->progressed, 30);
  EXPECT_EQ(setup.context->outputs.at("checkpoint").uri, "fake:1");
  EXPECT_EQ(setup.context->outputs.at("model").uri, "fake:1");
  EXPECT_EQ(setup.context->outputs.at("model").component, setup.context->inputs.at("model").component);
}

TEST(Train, LogsEveryMetricThatEasyLMHas) {
  SmallTraining setup;
  setup.run(train_table(2));
  for (const char* name : {"loss", "accuracy", "learning_rate", "gradient_norm", "parameter_norm",
                           "tokens_per_second", "skipped_steps", "peak_memory_bytes"}) {
    ASSERT_EQ(setup.context->logged(name).size(), 2U) << name;
    EXPECT_TRUE(std::isfinite(setup.context->logged(name)[1])) << name;
  }
}

TEST(Train, GivesTheSameBitsForTheSameSeed) {
  SmallTraining a, b;
  a.run(train_table(5));
  b.run(train_table(5));
  EXPECT_EQ(a.context->logged("loss"), b.context->logged("loss"));
  const auto first = parameters_of(*a.context->inputs["model"].component);
  const auto second = parameters_of(*b.context->inputs["model"].component);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(aten::equal(first[i].value, second[i].value));
}

TEST(Train, SavesWhenThePolicySaysSoAndAtTheEnd) {
  SmallTraining setup;
  setup.checkpoints->every_steps = 2;
  setup.run(train_table(5));
  std::vector<std::int64_t> steps;
  for (const SaveRequest& request : setup.checkpoints->requests) steps.push_back(request.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{2, 4, 5}));
  EXPECT_EQ(setup.checkpoints->requests[2].tokens, 5 * 4 * 32);
}

TEST(Train, ValidatesAndKeepsTheResultWithTheVersion) {
  SmallTraining setup;
  Table table = train_table(4);
  table.set("validate_every_steps", whole(2));
  setup.run(table);
  ASSERT_EQ(setup.context->logged("validation_loss").size(), 2U);
  const double loss = setup.context->logged("validation_loss").back();
  EXPECT_NEAR(setup.context->logged("validation_perplexity").back(), std::exp(loss), 1e-9);
  const NamedNumbers& saved = setup.checkpoints->requests.back().metrics;
  EXPECT_TRUE(std::ranges::find(saved, std::pair<std::string, double>("validation_loss", loss)) !=
              saved.end());
}

TEST(Train, SaysThatValidationNeedsData) {
  SmallTraining setup;
  setup.context->inputs.erase("dataset.validation");
  Table table = train_table(4);
  table.set("validate_every_steps", whole(2));
  EXPECT_EQ(error_of([&] { setup.run(table); }).code(), ErrorCode::invalid_config);
}

TEST(Train, SkipsASpoiledUpdateCountsItAndGoesOn) {
  SmallTraining setup;
  spoil(setup, 28);
  setup.run(train_table(30));
  EXPECT_EQ(setup.context->logged("skipped_steps").back(), 2);
  EXPECT_EQ(setup.host.warnings.size(), 2U);
  for (const Parameter& parameter : parameters_of(*setup.context->inputs["model"].component)) {
    EXPECT_TRUE(std::isfinite(parameter.value.sum().item<double>())) << parameter.name;
  }
  const TrainingState state = read_training_state(setup.context->outputs.at("checkpoint").path);
  EXPECT_EQ(state.skipped_steps_in_row, 2);
  EXPECT_EQ(state.counters.updates, 28);
}

TEST(Train, StopsAfterEightSpoiledUpdatesInARowAndNamesTheBatches) {
  SmallTraining setup;
  spoil(setup, 3);
  const Error error = error_of([&] { setup.run(train_table(30)); });
  EXPECT_EQ(error.code(), ErrorCode::numeric);
  EXPECT_NE(error.message().find("8 updates in a row"), std::string::npos);
  EXPECT_NE(error.message().find("spoiled batch 4"), std::string::npos);
  EXPECT_NE(error.message().find("spoiled batch 11"), std::string::npos);
}

TEST(Train, SavesAndSaysSoWhenASignalStopsIt) {
  SmallTraining setup;
  setup.context->on_metrics = [&] {
    if (setup.context->rows.size() == 3) setup.host.stop_token.request(SIGTERM);
  };
  const Error error = error_of([&] { setup.run(train_table(30)); });
  EXPECT_EQ(error.code(), ErrorCode::interrupted);
  ASSERT_EQ(setup.checkpoints->requests.size(), 1U);
  EXPECT_EQ(setup.checkpoints->requests[0].step, 3);
  EXPECT_NE(error.message().find("fake:1"), std::string::npos);
}

TEST(Train, RefusesRowsLongerThanTheModelsPositionsBeforeAnyUpdate) {
  SmallTraining setup;
  Table model = testing::llama_table();
  model.set("max_position_embeddings", whole(16));
  setup.context->inputs["model"].component = setup.host.make_component("model", model);
  const Error error = error_of([&] { setup.run(train_table(3)); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_NE(error.message().find("16 positions"), std::string::npos);
  EXPECT_TRUE(setup.checkpoints->requests.empty());
}

TEST(Evaluate, ScoresEveryTokenOfTheTextOnce) {
  SmallTraining setup;
  setup.run(train_table(3));
  setup.context->inputs["model"] = setup.context->outputs.at("model");
  setup.refill();
  setup.run(table_of("evaluate"));
  const auto tokenizer = setup.host.make<Tokenizer>(table_of("byte"));
  const auto data = setup.host.make<Dataset>(testing::dataset_table(setup.corpus));
  data->open({.tokenizer = tokenizer, .pass = DatasetPass::once});
  // The same by hand: one row at a time, one logarithm at a time.
  auto& model = dynamic_cast<Model&>(*setup.context->inputs["model"].component);
  const at::NoGradGuard no_grad;
  double nats = 0, targets = 0;
  TokenBatch batch;
  while (data->next(batch)) {
    const at::Tensor inputs = at::tensor(std::vector<std::int64_t>(batch.inputs.begin(), batch.inputs.end()));
    ForwardContext context(Phase::infer);
    const at::Tensor h =
        run_model(model, inputs.view({batch.num_rows, batch.length}), context, Recompute::none);
    const at::Tensor logs =
        aten::linear(h, model.head_weight()).to(at::kDouble).log_softmax(-1).flatten(0, 1);
    for (std::int64_t i = 0; i < logs.size(0); ++i) {
      const auto at = static_cast<std::size_t>(i);
      nats -= batch.mask[at] * logs[i][batch.targets[at]].item<double>();
      targets += batch.mask[at];
    }
  }
  const double bytes = static_cast<double>(data->text_bytes());
  EXPECT_EQ(targets, bytes + 1) << "a byte tokenizer has one target a byte, and one for the end";
  EXPECT_NEAR(setup.context->logged("validation_loss").back(), nats / targets, 1e-5);
  EXPECT_NEAR(setup.context->logged("validation_perplexity").back(), std::exp(nats / targets), 1e-3);
  EXPECT_NEAR(setup.context->logged("validation_bits_per_byte").back(), nats / std::numbers::ln2 / bytes,
              1e-5);
}

TEST(Evaluate, TellsPeopleScriptsAndTheRegistry) {
  SmallTraining setup;
  setup.run(train_table(1));
  setup.context->inputs["model"] = setup.context->outputs.at("model");
  setup.refill();
  setup.run(table_of("evaluate", {{"metrics", {List{word("accuracy"), word("loss")}, {}}}}));
  EXPECT_TRUE(setup.context->all_printed().starts_with("validation: accuracy "));
  ASSERT_EQ(setup.checkpoints->measured.size(), 1U);
  EXPECT_EQ(setup.checkpoints->measured[0].first, "fake:1");
  EXPECT_EQ(setup.checkpoints->measured[0].second[1].first, "loss");
  EXPECT_TRUE(setup.context->outputs.contains("report"));
  EXPECT_EQ(setup.context->rows.back().at("step"), 1) << "the step that the version was saved at";
}

TEST(Evaluate, CountsTheBytesOfWhatItScoredWhenItScoresAPart) {
  SmallTraining setup;
  setup.run(table_of("evaluate", {{"batches", whole(2)}}));
  // One byte a token: nats a token over ln 2 are bits a byte.
  EXPECT_NEAR(setup.context->logged("validation_bits_per_byte").back(),
              setup.context->logged("validation_loss").back() / std::numbers::ln2, 1e-9);
}

Table generate_table(const std::string& prompt, std::int64_t tokens) {
  return table_of("generate", {{"prompt", word(prompt)}, {"max_new_tokens", whole(tokens)}});
}

Table json_of(SmallTraining& setup, Table table) {
  table.set("output", word("json"));
  setup.context->printed.clear();
  setup.run(table);
  return parse_json_object(setup.context->all_printed(), "the stage's output");
}

TEST(Generate, ContinuesGreedilyAsTheWholeSequenceWould) {
  SmallTraining setup;
  setup.run(train_table(20));
  setup.context->inputs["model"] = setup.context->outputs.at("model");
  Table table = generate_table("the quick", 12);
  table.set("temperature", testing::real(0));
  const Table result = json_of(setup, table);
  std::vector<std::int64_t> ids;
  for (const char c : std::string("the quick")) ids.push_back(static_cast<unsigned char>(c));
  auto& model = dynamic_cast<Model&>(*setup.context->inputs["model"].component);
  const at::NoGradGuard no_grad;
  for (const Value& token : *result.find("tokens")->as<List>()) {
    ForwardContext context(Phase::infer);
    const at::Tensor h = run_model(model, at::tensor(ids).unsqueeze(0), context, Recompute::none);
    const at::Tensor logits = aten::linear(h.select(0, 0).select(0, -1), model.head_weight());
    EXPECT_EQ(*token.as<std::int64_t>(), logits.argmax().item<std::int64_t>());
    ids.push_back(*token.as<std::int64_t>());
  }
  EXPECT_EQ(result.find("tokens")->as<List>()->size(), 12U);
  EXPECT_EQ(result.find("logprobs")->as<List>()->size(), 12U);
  EXPECT_EQ(result.find("prompt_tokens")->as<List>()->size(), 9U);
  EXPECT_EQ(*result.find("finish_reason")->as<std::string>(), "length");
}

TEST(Generate, RepeatsItselfWithTheSameSeedAndNotWithAnother) {
  SmallTraining setup;
  Table table = generate_table("the ", 20);
  table.set("seed", whole(5));
  const std::string first = *json_of(setup, table).find("text")->as<std::string>();
  EXPECT_EQ(first, *json_of(setup, table).find("text")->as<std::string>());
  table.set("seed", whole(6));
  EXPECT_NE(first, *json_of(setup, table).find("text")->as<std::string>());
}

TEST(Generate, StopsAtAStopStringAndLeavesItOut) {
  SmallTraining setup;
  setup.run(train_table(20));
  setup.context->inputs["model"] = setup.context->outputs.at("model");
  Table table = generate_table("the quick", 20);
  table.set("temperature", testing::real(0));
  const std::string text = *json_of(setup, table).find("text")->as<std::string>();
  ASSERT_GE(text.size(), 6U);
  const std::string stop = text.substr(2, 2);
  table.set("stop", {List{word(stop)}, {}});
  const Table result = json_of(setup, table);
  EXPECT_EQ(*result.find("text")->as<std::string>(), text.substr(0, text.find(stop)));
  EXPECT_EQ(*result.find("finish_reason")->as<std::string>(), "stop");
}

TEST(Generate, EndsAtTheModelsLastPositionAndSaysSo) {
  SmallTraining setup;
  const Table result = json_of(setup, generate_table("the quick brown fox", 1000));
  // Position 32 is the last one that can be fed, and one more token follows from it.
  EXPECT_EQ(result.find("tokens")->as<List>()->size(), 32U - 19U + 1U);
  EXPECT_EQ(*result.find("finish_reason")->as<std::string>(), "length");
  EXPECT_EQ(setup.host.warnings.size(), 1U);
}

TEST(Generate, RefusesAPromptLongerThanTheModelsPositions) {
  SmallTraining setup;
  const Error error = error_of([&] { setup.run(generate_table(std::string(33, 'a'), 1)); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_NE(error.message().find("33 tokens"), std::string::npos);
}

TEST(Generate, RefusesAnEmptyPrompt) {
  SmallTraining setup;
  EXPECT_EQ(error_of([&] { setup.run(generate_table("", 1)); }).code(), ErrorCode::invalid_config);
}

TEST(Generate, PrintsThePromptThenTextAsItComes) {
  SmallTraining setup;
  setup.run(train_table(20));
  setup.context->inputs["model"] = setup.context->outputs.at("model");
  setup.run(generate_table("the quick", 8));
  EXPECT_EQ(setup.context->printed.front(), "the quick");
  EXPECT_GE(setup.context->printed.size(), 3U);
  EXPECT_TRUE(setup.context->all_printed().ends_with('\n'));
}

}  // namespace
}  // namespace easylm
