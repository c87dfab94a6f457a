// One run of the train stage: the loop, and what it carries from step to step.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/stage.h"
#include "easylm/tensor/evaluation.h"
#include "easylm/tensor/model_store.h"
#include "easylm/tensor/snapshot.h"
#include "easylm/tensor/train_step.h"
#include "easylm/tensor/training_state.h"
#include "train.h"

namespace easylm::stages {

class TrainRun {
 public:
  // Makes everything ready: model, data, optimizer. The context outlives this.
  TrainRun(StageContext& context, const TrainConfig& config);

  // Trains to the end, and saves. Throws Error{interrupted} with everything saved if told to stop, and
  // Error{numeric} if too many updates in a row could not be made.
  void run();

 private:
  void open_datasets();
  void go_on_from(const SavedVersion& version);
  void require_same_work(const TrainingState& then, const std::string& uri) const;
  TrainStepOptions step_options() const;

  void train_one_step();
  void note_skipped(const StepReport& report, const std::string& where);
  void log_step(const StepReport& report);
  bool validation_due() const;  // at this step, and not made yet
  bool validate_if_due();       // whether it was made
  void log_positions(const std::vector<PositionLoss>& losses);
  SaveRequest save_request() const;
  std::vector<TensorFiles> version_files() const;
  void save_later();
  SavedVersion saved_now();  // the version of this very step, saved if it isn't yet
  void stop_if_told();

  StageContext& context_;
  const TrainConfig& config_;
  at::Device device_;
  ReadyModel model_;
  std::shared_ptr<Tokenizer> tokenizer_;
  std::shared_ptr<Optimizer> optimizer_;
  std::shared_ptr<Dataset> data_;
  std::shared_ptr<Dataset> validation_;  // null if there is none
  DatasetPosition validation_start_;
  std::unique_ptr<TrainStep> train_step_;
  Snapshot snapshot_;  // what is being saved while training goes on

  TrainingState state_;                       // after the last whole step
  std::vector<std::string> skipped_batches_;  // of the skipped updates in a row
  static constexpr std::int64_t kNotSaved = -1;
  std::int64_t saved_step_ = 0;  // of the last version, or kNotSaved if it lacks something

  std::chrono::steady_clock::time_point span_start_;  // tokens a second are counted from here
  std::int64_t span_tokens_ = 0;
};

}  // namespace easylm::stages
