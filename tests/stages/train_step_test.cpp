// The training step against a plain torch loop, and against itself under other settings.
#include "easylm/tensor/train_step.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/training_state.h"
#include "support/small_training.h"
#include "support/vectors.h"

namespace easylm {
namespace {

using testing::list_in;
using testing::member;
using testing::number;
using testing::PluginHost;
using testing::table_in;
using testing::table_of;

// One batch with memory of its own.
struct OwnedBatch {
  std::vector<std::int32_t> inputs, targets;
  std::vector<float> mask;
  std::int64_t rows = 0, length = 0;

  TokenBatch view() const {
    TokenBatch batch;
    batch.num_rows = rows;
    batch.length = length;
    batch.inputs = inputs;
    batch.targets = targets;
    batch.mask = mask;
    batch.first.where = "test batch";
    return batch;
  }
};

// The oracle's formula for weights.
void fill(const Parameter& parameter, std::size_t index, double phase) {
  const at::NoGradGuard no_grad;
  at::Tensor flat = parameter.value.view(-1);
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const double wave = std::sin(1.7 * static_cast<double>(i) + static_cast<double>(index) + phase);
    flat[i] = parameter.value.dim() == 1 ? 1 + 0.1 * wave : 0.2 * wave;
  }
}

PluginHost& host() {
  at::set_num_threads(1);  // small work: threads would only wait for each other
  static PluginHost shared;
  return shared;
}

std::shared_ptr<Model> make_model(const Table& settings) {
  Table table = settings;
  table.type = "llama";
  auto model = host().make<Model>(table);
  model->materialise(at::kCPU, at::kFloat);
  model->initialise(host());
  return model;
}

std::shared_ptr<Model> oracle_model(const Table& vectors, const Table& recorded) {
  Table table = table_in(vectors, "model");
  table.set("tie_word_embeddings", member(recorded, "tied"));
  auto model = make_model(table);
  std::vector<Parameter> parameters;
  model->parameters(parameters);
  const List& names = list_in(recorded, "parameters");
  EXPECT_EQ(names.size(), parameters.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto found = std::ranges::find(parameters, *names[i].as<std::string>(), &Parameter::name);
    if (found == parameters.end())
      throw Error(ErrorCode::internal, "no parameter " + *names[i].as<std::string>());
    fill(*found, i, number(member(recorded, "phase")));
  }
  return model;
}

std::shared_ptr<Optimizer> make_optimizer(const Table& settings, double rate) {
  Table table = settings;
  table.type = "adamw";
  table.set("schedule", {table_of("constant", {{"value", testing::real(rate)}}), {}});
  return host().make<Optimizer>(table);
}

OwnedBatch read_batch(const Table& recorded, const Table& vectors) {
  OwnedBatch batch;
  for (const Value& x : list_in(recorded, "inputs"))
    batch.inputs.push_back(static_cast<std::int32_t>(number(x)));
  for (const Value& x : list_in(recorded, "targets"))
    batch.targets.push_back(static_cast<std::int32_t>(number(x)));
  for (const Value& x : list_in(recorded, "mask")) batch.mask.push_back(static_cast<float>(number(x)));
  batch.rows = *member(vectors, "rows").as<std::int64_t>();
  batch.length = *member(vectors, "length").as<std::int64_t>();
  return batch;
}

void replay_torch_loop(const Table& vectors, const Table& recorded, TrainStepOptions options) {
  const auto model = oracle_model(vectors, recorded);
  const auto optimizer =
      make_optimizer(table_in(vectors, "optimizer"), number(member(vectors, "learning_rate")));
  options.clip_gradient = number(member(vectors, "clip"));
  TrainStep step(*model, *optimizer, options);
  const List& losses = list_in(recorded, "losses");
  const List& norms = list_in(recorded, "gradient_norms");
  for (std::size_t i = 0; i < losses.size(); ++i) {
    for (const Value& batch : *list_in(recorded, "batches")[i].as<List>()) {
      step.accumulate(read_batch(*batch.as<Table>(), vectors).view());
    }
    const StepReport report = step.update(static_cast<std::int64_t>(i));
    EXPECT_NEAR(report.loss, number(losses[i]), 1e-3) << "step " << i;
    EXPECT_NEAR(report.gradient_norm, number(norms[i]), 1e-2 * number(norms[i])) << "step " << i;
  }
}

void replay_all(const TrainStepOptions& options) {
  const Table vectors = testing::read_vectors("train_torch.json");
  for (const Value& recorded : list_in(vectors, "cases")) {
    replay_torch_loop(vectors, *recorded.as<Table>(), options);
  }
}

TEST(TrainStep, EqualsAPlainTorchLoopOverTwentySteps) { replay_all({}); }
TEST(TrainStep, EqualsItWithRecomputedBlocks) { replay_all({.recompute = Recompute::blocks}); }
TEST(TrainStep, EqualsItInPassesOfOneRow) { replay_all({.tokens_per_pass = 12}); }

Table small_table() {
  Table table = testing::llama_table();
  table.type.clear();
  return table;
}

OwnedBatch counting_batch(std::int64_t rows, std::int64_t length) {
  OwnedBatch batch;
  batch.rows = rows;
  batch.length = length;
  for (std::int32_t i = 0; i < rows * length; ++i) {
    batch.inputs.push_back(i % 7);
    batch.targets.push_back((i + 1) % 7);
    batch.mask.push_back(1);
  }
  return batch;
}

std::vector<at::Tensor> copies_of(Model& model) {
  std::vector<Parameter> parameters;
  model.parameters(parameters);
  std::vector<at::Tensor> copies;
  for (const Parameter& parameter : parameters) copies.push_back(parameter.value.detach().clone());
  return copies;
}

bool all_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::ranges::equal(a, b, [](const at::Tensor& x, const at::Tensor& y) { return aten::equal(x, y); });
}

StepReport one_step(TrainStep& step, const OwnedBatch& batch, std::int64_t number) {
  step.accumulate(batch.view());
  return step.update(number);
}

TEST(TrainStep, LearnsInBf16WithMastersInFp32) {
  const auto model = make_model(small_table());
  const auto optimizer = make_optimizer({}, 3e-3);
  TrainStep step(*model, *optimizer, {.compute = at::kBFloat16});
  const OwnedBatch batch = counting_batch(2, 16);
  const double first = one_step(step, batch, 0).loss;
  double last = first;
  for (std::int64_t i = 1; i < 15; ++i) last = one_step(step, batch, i).loss;
  EXPECT_LT(last, first - 0.5);
  std::vector<Parameter> parameters;
  model->parameters(parameters);
  const auto masters = step.masters();
  ASSERT_EQ(masters.size(), parameters.size());
  EXPECT_EQ(parameters[0].value.scalar_type(), at::kBFloat16);
  EXPECT_EQ(masters[0].value.scalar_type(), at::kFloat);
  EXPECT_TRUE(aten::equal(masters[0].value.to(at::kBFloat16), parameters[0].value.detach()));
}

TEST(TrainStep, SumsBf16GradientsOfSeveralPassesInFp32) {
  const OwnedBatch batch = counting_batch(8, 16);
  std::vector<double> norms;
  for (const std::int64_t tokens : {0, 16}) {
    const auto model = make_model(small_table());
    const auto optimizer = make_optimizer({}, 1e-3);
    TrainStep step(*model, *optimizer, {.compute = at::kBFloat16, .tokens_per_pass = tokens});
    norms.push_back(one_step(step, batch, 0).gradient_norm);
  }
  EXPECT_NEAR(norms[1], norms[0], 0.01 * norms[0]);
}

TEST(TrainStep, LeavesEverythingAsItWasWhenTheLossIsNotFinite) {
  const auto model = make_model(small_table());
  const auto optimizer = make_optimizer({}, 1e-2);
  TrainStep step(*model, *optimizer, {});
  OwnedBatch batch = counting_batch(2, 16);
  const auto before = copies_of(*model);
  batch.mask[3] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(one_step(step, batch, 0).applied);
  EXPECT_TRUE(all_equal(before, copies_of(*model)));
  EXPECT_EQ(step.counters().updates, 0);
  batch.mask[3] = 1;
  EXPECT_TRUE(one_step(step, batch, 1).applied) << "nothing of the bad batch is left";
}

TEST(TrainStep, SkipsABatchWithoutTargets) {
  const auto model = make_model(small_table());
  const auto optimizer = make_optimizer({}, 1e-2);
  TrainStep step(*model, *optimizer, {});
  OwnedBatch batch = counting_batch(2, 16);
  std::ranges::fill(batch.mask, 0.0F);
  EXPECT_FALSE(one_step(step, batch, 0).applied);
}

TEST(TrainStep, NamesTheBatchWithATokenOutsideTheVocabulary) {
  const auto model = make_model(small_table());
  const auto optimizer = make_optimizer({}, 1e-2);
  TrainStep step(*model, *optimizer, {});
  OwnedBatch batch = counting_batch(2, 16);
  batch.targets[5] = 258;
  try {
    step.accumulate(batch.view());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_config);
    EXPECT_NE(error.message().find("test batch"), std::string::npos);
    EXPECT_NE(error.message().find("258"), std::string::npos);
  }
}

TEST(TrainStep, RefusesRowsLongerThanTheModelsPositions) {
  const auto model = make_model(small_table());
  const auto optimizer = make_optimizer({}, 1e-2);
  TrainStep step(*model, *optimizer, {});
  EXPECT_THROW(step.accumulate(counting_batch(1, 33).view()), Error);
}

// Trains `total` steps, of which the last ones after a stop, a save and a load if `stop_after` is smaller.
std::vector<at::Tensor> train(const TrainStepOptions& options, std::int64_t stop_after) {
  constexpr std::int64_t kTotal = 6;
  Table table = small_table();
  table.set("residue_dropout", testing::real(0.1));  // so that random numbers matter
  const testing::TemporaryFolder folder;
  const auto format = testing::make_format(host());
  const OwnedBatch batch = counting_batch(2, 16);
  TrainingState state;
  std::vector<at::Tensor> weights;
  {
    const auto model = make_model(table);
    const auto optimizer = make_optimizer({}, 1e-2);
    TrainStep step(*model, *optimizer, options);
    for (std::int64_t i = 0; i < stop_after; ++i) one_step(step, batch, i);
    if (stop_after == kTotal) return copies_of(*model);
    state.counters = step.counters();
    write_files(*format, folder.path(), training_files(state, step, *optimizer));
    weights = copies_of(*model);
  }
  const auto model = make_model(table);
  std::vector<Parameter> parameters;
  model->parameters(parameters);
  for (std::size_t i = 0; i < weights.size(); ++i) parameters[i].value.copy_(weights[i]);
  const auto optimizer = make_optimizer({}, 1e-2);
  TrainStep step(*model, *optimizer, options);
  load_training_tensors(*format, folder.path(), read_training_state(folder.path()), step, *optimizer);
  for (std::int64_t i = stop_after; i < kTotal; ++i) one_step(step, batch, i);
  return copies_of(*model);
}

TEST(TrainingState, HoldsAllThatIsNeededToGoOnWithTheSameBits) {
  for (const auto compute : {at::kFloat, at::kBFloat16}) {
    const TrainStepOptions options = {.compute = compute, .tokens_per_pass = 16, .seed = 3};
    EXPECT_TRUE(all_equal(train(options, 6), train(options, 2)));
  }
}

TEST(TrainingState, ReadsBackWhatWasWritten) {
  const testing::TemporaryFolder folder;
  const auto model = make_model(small_table());
  const auto optimizer = make_optimizer({}, 1e-2);
  const TrainStep step(*model, *optimizer, {});
  TrainingState state;
  state.step = 7;
  state.tokens = 1000;
  state.counters = {6, 14};
  state.skipped_steps = 1;
  state.validated_step = 4;
  state.skipped_steps_in_row = 1;
  state.seed = 0xFFFFFFFFFFFFFFFFULL;
  state.precision = "bf16";
  state.dataset_fingerprint = "abc";
  state.position = {2, 33, "romeo.txt, byte 1204", "more"};
  write_files(*testing::make_format(host()), folder.path(), training_files(state, step, *optimizer));
  const TrainingState read = read_training_state(folder.path());
  EXPECT_EQ(read.step, 7);
  EXPECT_EQ(read.tokens, 1000);
  EXPECT_EQ(read.counters.updates, 6);
  EXPECT_EQ(read.counters.forward_passes, 14);
  EXPECT_EQ(read.skipped_steps, 1);
  EXPECT_EQ(read.validated_step, 4);
  EXPECT_EQ(read.skipped_steps_in_row, 1);
  EXPECT_EQ(read.seed, state.seed);
  EXPECT_EQ(read.precision, "bf16");
  EXPECT_EQ(read.dataset_fingerprint, "abc");
  EXPECT_EQ(read.position.epoch, 2);
  EXPECT_EQ(read.position.batch, 33);
  EXPECT_EQ(read.position.where, "romeo.txt, byte 1204");
  EXPECT_EQ(read.position.state, "more");
}

TEST(TrainingState, NamesWhatIsMissing) {
  const testing::TemporaryFolder folder;
  EXPECT_THROW(read_training_state(folder.path()), Error);
  std::filesystem::create_directory(folder.path() / "easylm");
  std::ofstream(folder.path() / "easylm/state.json") << R"({"format_revision": 1, "step": "seven"})";
  try {
    read_training_state(folder.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
    EXPECT_NE(error.message().find("'step'"), std::string::npos);
  }
}

}  // namespace
}  // namespace easylm
