// Loss by position: against a sum over single tokens, and how stages tell it.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "easylm/json.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/block_runner.h"
#include "easylm/tensor/evaluation.h"
#include "support/small_training.h"

namespace easylm {
namespace {

using testing::SmallTraining;
using testing::table_of;
using testing::train_table;
using testing::whole;
using testing::word;

// Two batches of two rows; the first row of each holds documents of 5, 1 and 9 tokens and padding, the second
// a document of a whole row. Some targets don't count, others count double.
class PackedRows : public Dataset {
 public:
  static constexpr std::int64_t kLength = 18;

  void open(const DatasetOptions&) override {}
  bool next(TokenBatch& batch) override {
    if (served_ == 2) return false;
    ++served_;
    for (std::int64_t i = 0; i < 2 * kLength; ++i) {
      const auto place = static_cast<std::size_t>(i);
      inputs_[place] = static_cast<std::int32_t>((i * 37 + served_ * 11) % 256);
      targets_[place] = static_cast<std::int32_t>((i * 53 + served_ * 7) % 256);
      segments_[place] = i < 5 ? 0 : i < 6 ? 1 : i < 15 ? 2 : i < kLength ? 3 : 0;
      mask_[place] = i % 4 == 1 || (i >= 15 && i < kLength) ? 0 : i % 3 == 0 ? 2 : 1;
    }
    batch = {2, kLength, inputs_, targets_, mask_, segments_, {}};
    return true;
  }
  DatasetPosition position() const override { return {0, served_, "", ""}; }
  void seek(const DatasetPosition& position) override { served_ = position.batch; }
  std::int64_t tokens_per_batch() const override { return 2 * kLength; }
  std::string fingerprint() const override { return "packed"; }

 private:
  std::int64_t served_ = 0;
  std::vector<std::int32_t> inputs_ = std::vector<std::int32_t>(2 * kLength), targets_ = inputs_,
                            segments_ = inputs_;
  std::vector<float> mask_ = std::vector<float>(2 * kLength);
};

struct Sums {
  double nats = 0, weight = 0;
};

// By position alone: every document by itself, every logarithm by itself.
std::map<std::int64_t, Sums> by_hand(Model& model) {
  std::map<std::int64_t, Sums> sums;
  const std::pair<std::int64_t, std::int64_t> documents[] = {{0, 5}, {5, 1}, {6, 9}, {18, 18}};
  PackedRows data;
  TokenBatch batch;
  while (data.next(batch)) {
    for (const auto& [first, length] : documents) {
      const auto begin = batch.inputs.begin() + first;
      const at::Tensor ids = at::tensor(std::vector<std::int64_t>(begin, begin + length)).unsqueeze(0);
      ForwardContext context(Phase::infer);
      const at::Tensor h_TD = run_model(model, ids, context, Recompute::none).select(0, 0);
      const at::Tensor logs_TV = aten::linear(h_TD, model.head_weight()).to(at::kDouble).log_softmax(-1);
      for (std::int64_t t = 0; t < length; ++t) {
        const auto place = static_cast<std::size_t>(first + t);
        sums[t].nats -= batch.mask[place] * logs_TV[t][batch.targets[place]].item<double>();
        sums[t].weight += batch.mask[place];
      }
    }
  }
  return sums;
}

Model& model_of(SmallTraining& setup) {
  return dynamic_cast<Model&>(*setup.context->inputs.at("model").component);
}

TEST(PositionLoss, SortsTargetsByWhereTheyStandInTheirDocument) {
  SmallTraining setup;
  setup.run(train_table(3));
  const at::NoGradGuard no_grad;
  const std::map<std::int64_t, Sums> wanted = by_hand(model_of(setup));
  PackedRows data;
  std::vector<PositionLoss> found;
  const Evaluation whole_pass = evaluate(model_of(setup), data, {}, found);
  // Positions 0, 1, 2 to 3, 4 to 7, 8 to 15, 16 to 17.
  ASSERT_EQ(found.size(), 6U);
  double nats = 0, weight = 0;
  for (const PositionLoss& range : found) {
    Sums sums;
    for (auto at = wanted.lower_bound(range.begin); at != wanted.lower_bound(range.end); ++at) {
      sums.nats += at->second.nats;
      sums.weight += at->second.weight;
    }
    EXPECT_EQ(range.begin, range.end == 1 ? 0 : range.end / 2);
    EXPECT_EQ(range.weight, sums.weight) << range.begin;
    EXPECT_NEAR(range.nats / sums.nats, 1, 1e-5) << range.begin;
    EXPECT_DOUBLE_EQ(range.loss(), range.nats / range.weight);
    nats += range.nats;
    weight += range.weight;
  }
  EXPECT_NEAR(nats / whole_pass.nats, 1, 1e-6);
  EXPECT_EQ(weight, whole_pass.weight);
  PackedRows again;
  EXPECT_EQ(evaluate(model_of(setup), again, {}).nats, whole_pass.nats);
}

TEST(PositionLoss, CountsFromARowsFirstTokenWhereRowsRunAcrossDocuments) {
  SmallTraining setup;
  setup.run(train_table(1));
  const auto data = setup.host.make<Dataset>(testing::dataset_table(setup.corpus));
  data->open({.tokenizer = setup.host.make<Tokenizer>(table_of("byte")), .pass = DatasetPass::once});
  std::vector<PositionLoss> found;
  const Evaluation pass = evaluate(model_of(setup), *data, {}, found);
  ASSERT_EQ(found.size(), 6U) << "rows of 32 tokens";
  const double rows = found[0].weight;
  EXPECT_GE(32 * rows, pass.weight);
  for (std::size_t i = 1; i + 1 < found.size(); ++i) {
    EXPECT_LE(found[i].weight, rows * static_cast<double>(found[i].end - found[i].begin));
  }
  EXPECT_GT(found[5].weight, 16 * (rows - 2));
}

TEST(PositionLoss, IsToldByTheEvaluateStageToPeopleScriptsAndTheRegistry) {
  SmallTraining setup;
  setup.run(train_table(1));
  setup.context->inputs["model"] = setup.context->outputs.at("model");
  setup.refill();
  setup.run(table_of("evaluate", {{"metrics", {List{word("loss"), word("loss_by_position")}, {}}}}));
  const std::string printed = setup.context->all_printed();
  EXPECT_NE(printed.find("position"), std::string::npos) << printed;
  EXPECT_NE(printed.find("16 – 31"), std::string::npos) << printed;
  for (const char* name : {"validation_loss_from_0", "validation_loss_from_1", "validation_loss_from_16"}) {
    ASSERT_EQ(setup.context->logged(name).size(), 1U) << name;
  }
  const NamedNumbers& measured = setup.checkpoints->measured.at(0).second;
  EXPECT_EQ(measured.at(0).first, "loss");
  EXPECT_EQ(measured.back().first, "loss_from_16");
  EXPECT_EQ(measured.back().second, setup.context->logged("validation_loss_from_16").back());
}

TEST(PositionLoss, IsToldByTheTrainStageIfAsked) {
  SmallTraining setup;
  Table table = train_table(2);
  table.set("validate_every_steps", whole(2));
  setup.run(table);
  EXPECT_TRUE(setup.context->logged("validation_loss_from_16").empty());
  setup.refill();
  table.set("validation_by_position", {true, {}});
  setup.context->inputs["model"] = setup.context->outputs.at("model");
  setup.run(table);
  const std::size_t validations = setup.context->logged("validation_loss_from_16").size();
  EXPECT_GE(validations, 1U);
  EXPECT_EQ(setup.context->logged("validation_loss_from_0").size(), validations);
  EXPECT_NE(setup.context->all_printed().find("16 – 31"), std::string::npos);
}

TEST(PositionLoss, OfAModelWithOtherSettingsIsNotThatOfTheVersion) {
  SmallTraining setup;
  setup.run(train_table(1));
  Artifact model = setup.context->outputs.at("model");
  model.component = nullptr;
  model.config.set("max_position_embeddings", whole(64));
  setup.context->inputs["model"] = model;
  setup.refill();
  setup.run(table_of("evaluate"));
  EXPECT_TRUE(setup.checkpoints->measured.empty());
}

}  // namespace
}  // namespace easylm
