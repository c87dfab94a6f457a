// The plugin easylm-stage-train.
#include "train.h"

#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
#include "train_run.h"

namespace easylm::stages {

void TrainConfig::describe(Schema<TrainConfig>& s) {
  s.field("steps", &TrainConfig::steps, "number of updates").required().at_least(1).unit("steps");
  s.field("accumulate_gradient_steps", &TrainConfig::accumulate_gradient_steps,
          "batches whose gradients make one update")
      .at_least(1);
  s.field("clip_gradient", &TrainConfig::clip_gradient,
          "greatest global norm of the gradient; a longer one is scaled down to it; 0 clips nothing")
      .at_least(0);
  s.field("validate_every_steps", &TrainConfig::validate_every_steps,
          "how often dataset.validation is scored; 0: never")
      .at_least(0)
      .unit("steps");
  s.field("validation_batches", &TrainConfig::validation_batches, "batches of one validation; 0: all of them")
      .at_least(0);
  s.field("validation_by_position", &TrainConfig::validation_by_position,
          "whether a validation also says the loss at the positions 0, 1, 2 to 3, 4 to 7 and so on of a "
          "document");
  s.field("log_every_steps", &TrainConfig::log_every_steps, "how often metrics are logged")
      .at_least(1)
      .unit("steps");
  s.field("max_skipped_steps", &TrainConfig::max_skipped_steps,
          "updates in a row that may be skipped because loss or gradient is not finite, before the run stops")
      .at_least(1)
      .unit("steps");
  s.field(
       "recompute", &TrainConfig::recompute,
       "blocks: keep only each block's input and compute the block again in the backward pass, which saves "
       "memory and costs about a third more time")
      .one_of({"none", "blocks"});
  s.field("tokens_per_pass", &TrainConfig::tokens_per_pass,
          "a batch is cut by rows into passes of at most so many tokens, which saves memory; 0: one pass")
      .at_least(0)
      .unit("tokens");
  s.needs("model");
  s.needs("tokenizer");
  s.needs("optimizer");
  s.needs("dataset.train");
  s.can_use("dataset.validation");
  s.makes("model");
  s.makes("checkpoint");
  s.require("dataset.train.sequence_length <= model.max_position_embeddings", "dataset.train.sequence_length",
            "sequence_length = {dataset.train.sequence_length} is longer than the model's "
            "{model.max_position_embeddings} positions",
            "lower sequence_length or raise max_position_embeddings");
  s.require("dataset.validation.sequence_length <= model.max_position_embeddings",
            "dataset.validation.sequence_length",
            "sequence_length = {dataset.validation.sequence_length} is longer than the model's "
            "{model.max_position_embeddings} positions",
            "lower sequence_length or raise max_position_embeddings");
}

namespace {

class Train : public Stage {
 public:
  using Config = TrainConfig;

  Train(Host& /*host*/, Config config) : config_(std::move(config)) {}

  void run(StageContext& context) override { TrainRun(context, config_).run(); }

 private:
  Config config_;
};

}  // namespace
}  // namespace easylm::stages

EASYLM_PLUGIN("easylm-stage-train", "0.1.0") {
  registrar.component<easylm::stages::Train>("train", "Trains a model on dataset.train.");
}
