// The training loop.
#include "train_run.h"

#include <algorithm>
#include <utility>

#include "easylm/error.h"
#include "easylm/host.h"
#include "easylm/tensor/device.h"

namespace easylm::stages {
namespace {

using Clock = std::chrono::steady_clock;

template <typename T>
std::shared_ptr<T> component(StageContext& context, std::string_view port) {
  auto typed = std::dynamic_pointer_cast<T>(context.input(port).component);
  if (typed) return typed;
  throw Error(ErrorCode::plugin,
              "what came in as '" + std::string(port) + "' does not implement " + std::string(T::kInterface),
              "rebuild the plugin against this version of EasyLM");
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

void remember(NamedNumbers& numbers, std::string name, double value) {
  const auto found = std::ranges::find(numbers, name, [](const auto& pair) { return pair.first; });
  if (found == numbers.end()) {
    numbers.emplace_back(std::move(name), value);
  } else {
    found->second = value;
  }
}

bool due(std::int64_t step, std::int64_t every) { return every > 0 && step % every == 0; }

}  // namespace

TrainRun::TrainRun(StageContext& context, const TrainConfig& config)
    : context_(context), config_(config), device_(at::kCPU) {
  prepare_torch(context_.run());
  device_ = select_device(context_.run().device);
  tokenizer_ = obtain_tokenizer(context_);
  open_datasets();
  optimizer_ = component<Optimizer>(context_, "optimizer");
  optimizer_->schedule().plan(config_.steps);
  model_ = obtain_model(context_, device_, at::kFloat);
  train_step_ = std::make_unique<TrainStep>(*model_.model, *optimizer_, step_options());
  state_.seed = context_.run().seed;
  state_.precision = context_.run().precision;
  state_.dataset_fingerprint = data_->fingerprint();
  state_.settings = {{"accumulate_gradient_steps", static_cast<double>(config_.accumulate_gradient_steps)},
                     {"clip_gradient", config_.clip_gradient},
                     {"tokens_per_pass", static_cast<double>(config_.tokens_per_pass)}};
  if (const SavedVersion* from = context_.checkpoints().resume()) go_on_from(*from);
}

// As if the run that saved `version` had never stopped.
void TrainRun::go_on_from(const SavedVersion& version) {
  const TrainingState then = read_training_state(version.path);
  require_same_work(then, version.uri);
  const auto format = context_.checkpoints().format();
  load_weights(*model_.model, *format, version.path);
  load_training_tensors(*format, version.path, then, *train_step_, *optimizer_);
  data_->seek(then.position);
  saved_step_ = then.step;
  state_ = then;
}

// What the host can't compare: the data themselves, and this stage's own settings.
void TrainRun::require_same_work(const TrainingState& then, const std::string& uri) const {
  std::vector<std::string> differences;
  if (then.dataset_fingerprint != state_.dataset_fingerprint) {
    differences.push_back("the training data are not what they were");
  }
  for (const auto& [name, now] : state_.settings) {
    const auto found = std::ranges::find(then.settings, name, [](const auto& pair) { return pair.first; });
    if (found == then.settings.end() || found->second != now) differences.push_back(name + " was another");
  }
  if (differences.empty()) return;
  throw Error(ErrorCode::invalid_config, "this run can't go on from " + uri + ": " + joined(differences),
              "change that back, begin anew with --resume never, or give the run another name");
}

void TrainRun::open_datasets() {
  data_ = component<Dataset>(context_, "dataset.train");
  data_->open({.tokenizer = tokenizer_, .pass = DatasetPass::endless});
  if (context_.has("dataset.validation")) {
    validation_ = component<Dataset>(context_, "dataset.validation");
    validation_->open({.tokenizer = tokenizer_, .pass = DatasetPass::once});
    validation_start_ = validation_->position();
  } else if (config_.validate_every_steps > 0) {
    throw Error(ErrorCode::invalid_config, "validate_every_steps is set, but there is no dataset.validation",
                "add a [dataset.validation] table, or take validate_every_steps out");
  }
}

TrainStepOptions TrainRun::step_options() const {
  return {.compute = compute_dtype(context_.run().precision),
          .recompute = config_.recompute == "blocks" ? Recompute::blocks : Recompute::none,
          .clip_gradient = config_.clip_gradient,
          .tokens_per_pass = config_.tokens_per_pass,
          .seed = context_.run().seed};
}

void TrainRun::run() {
  reset_peak_memory(device_);
  if (context_.checkpoints().periodic()) snapshot_.prepare(version_files());
  span_start_ = Clock::now();
  if (validate_if_due()) saved_step_ = kNotSaved;  // the signal came just then: that version lacks it
  while (state_.step < config_.steps) {
    train_one_step();
    validate_if_due();
    if (context_.checkpoints().due(state_.step)) save_later();
    context_.progress(state_.step, config_.steps);
  }
  if (validation_due()) stop_if_told();
  const SavedVersion last = saved_now();
  context_.output("checkpoint", {.component = nullptr, .path = last.path, .uri = last.uri, .config = {}});
  train_step_.reset();  // from here on the model is for inference
  context_.output("model", {.component = model_.model, .path = last.path, .uri = last.uri, .config = {}});
}

// A stop in the middle of a step leaves that step undone: its batches come again.
void TrainRun::stop_if_told() {
  if (!context_.host().stop().requested()) return;
  const SavedVersion last = saved_now();
  const std::string at = "step " + std::to_string(state_.step) + " of " + std::to_string(config_.steps);
  throw Error(
      ErrorCode::interrupted,
      state_.step == 0 ? "stopped before the first step" : "stopped at " + at + ", saved as " + last.uri,
      "run the same command again to go on");
}

void TrainRun::train_one_step() {
  std::string where;
  std::int64_t tokens = 0;
  for (std::int64_t i = 0; i < config_.accumulate_gradient_steps; ++i) {
    stop_if_told();
    TokenBatch batch;
    const bool more = data_->next(batch);
    EASYLM_CHECK(more, "an endless dataset came to an end");
    train_step_->accumulate(batch);
    tokens += batch.num_rows * batch.length;
    where += (where.empty() ? "" : " and ") + batch.first.where;
  }
  const StepReport report = train_step_->update(state_.step);
  ++state_.step;
  state_.tokens += tokens;
  state_.counters = train_step_->counters();
  state_.position = data_->position();
  span_tokens_ += tokens;
  if (report.applied) {
    state_.skipped_steps_in_row = 0;
    skipped_batches_.clear();
  }
  const bool logged =
      state_.step == 1 || state_.step == config_.steps || due(state_.step, config_.log_every_steps);
  if (!report.applied) {
    note_skipped(report, where);
  } else if (logged) {
    log_step(report);
  }
}

// A batch that spoils one update must not spoil the run; many of them mean that the run is spoiled.
void TrainRun::note_skipped(const StepReport& report, const std::string& where) {
  ++state_.skipped_steps;
  ++state_.skipped_steps_in_row;
  skipped_batches_.push_back("step " + std::to_string(state_.step) + ": " + where);
  context_.host().warn("train", "skipped an update: loss or gradient is not finite, or no target counts",
                       {{"step", state_.step}, {"loss", report.loss}, {"batch", std::string_view(where)}});
  const Metric skipped[] = {{"skipped_steps", static_cast<double>(state_.skipped_steps)}};
  context_.metrics({.step = state_.step, .tokens = state_.tokens, .metrics = skipped});
  if (state_.skipped_steps_in_row < config_.max_skipped_steps) return;
  throw Error(
      ErrorCode::numeric,
      std::to_string(state_.skipped_steps_in_row) +
          " updates in a row had a loss or gradient that is not finite; their batches: " +
          joined(skipped_batches_),
      "lower the learning rate or lengthen the warmup; look at the batches with `easylm data inspect`");
}

void TrainRun::log_step(const StepReport& report) {
  const double seconds = std::chrono::duration<double>(Clock::now() - span_start_).count();
  const Metric metrics[] = {{"loss", report.loss},
                            {"accuracy", report.accuracy},
                            {"learning_rate", report.learning_rate},
                            {"gradient_norm", report.gradient_norm},
                            {"parameter_norm", train_step_->parameter_norm()},
                            {"tokens_per_second", static_cast<double>(span_tokens_) / seconds},
                            {"skipped_steps", static_cast<double>(state_.skipped_steps)},
                            {"peak_memory_bytes", static_cast<double>(peak_memory(device_))}};
  context_.metrics({.step = state_.step, .tokens = state_.tokens, .metrics = metrics});
  remember(state_.measured, "train_loss", report.loss);
  remember(state_.measured, "train_accuracy", report.accuracy);
  span_start_ = Clock::now();
  span_tokens_ = 0;
}

bool TrainRun::validation_due() const {
  return state_.step != state_.validated_step && due(state_.step, config_.validate_every_steps);
}

bool TrainRun::validate_if_due() {
  if (!validation_due()) return false;
  const auto started = Clock::now();
  validation_->seek(validation_start_);
  Evaluation result;
  std::vector<PositionLoss> by_position;
  try {
    result = evaluate(*model_.model, *validation_,
                      {.device = device_,
                       .max_batches = config_.validation_batches,
                       .tokenizer = nullptr,
                       .stop = &context_.host().stop()},
                      by_position);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::interrupted) throw;
    return false;  // whoever called saves and stops
  }
  const Metric metrics[] = {{"validation_loss", result.loss()},
                            {"validation_accuracy", result.accuracy()},
                            {"validation_perplexity", result.perplexity()}};
  context_.metrics({.step = state_.step, .tokens = state_.tokens, .metrics = metrics});
  state_.validated_step = state_.step;
  for (const Metric& metric : metrics) remember(state_.measured, std::string(metric.name), metric.value);
  if (config_.validation_by_position) log_positions(by_position);
  span_start_ += Clock::now() - started;  // validation doesn't count as training time
  return true;
}

void TrainRun::log_positions(const std::vector<PositionLoss>& losses) {
  NamedNumbers numbers = position_metrics(losses);
  std::vector<Metric> metrics;
  metrics.reserve(numbers.size());
  for (auto& [name, value] : numbers) {
    name.insert(0, "validation_");
    metrics.push_back({name, value});
  }
  context_.metrics({.step = state_.step, .tokens = state_.tokens, .metrics = metrics});
  context_.print("validation at step " + std::to_string(state_.step) + ":\n" + position_table(losses));
}

// Validation counts for a version only if it was made at its step.
SaveRequest TrainRun::save_request() const {
  NamedNumbers metrics = state_.measured;
  if (state_.validated_step != state_.step) {
    std::erase_if(metrics, [](const auto& metric) { return metric.first.starts_with("validation_"); });
  }
  return {.step = state_.step,
          .tokens = state_.tokens,
          .dataset_fingerprint = state_.dataset_fingerprint,
          .parent = model_.uri,
          .metrics = std::move(metrics)};
}

// All that a version holds; the tensors are those that the next update changes.
std::vector<TensorFiles> TrainRun::version_files() const {
  return {model_files(*model_.model, *tokenizer_), training_files(state_, *train_step_, *optimizer_)};
}

// Training goes on with the originals while the copies are written.
void TrainRun::save_later() {
  const auto started = Clock::now();
  context_.checkpoints().saved();  // so that nobody uses the copies of before
  std::vector<TensorFiles> files = snapshot_.take(version_files());
  context_.checkpoints().save_later(save_request(), [format = context_.checkpoints().format(),
                                                     files = std::move(files)](const auto& folder) {
    for (const TensorFiles& part : files) write_files(*format, folder, part);
  });
  saved_step_ = state_.step;
  span_start_ += Clock::now() - started;  // nor does saving
}

SavedVersion TrainRun::saved_now() {
  if (saved_step_ == state_.step) return context_.checkpoints().saved();
  const auto format = context_.checkpoints().format();
  const std::vector<TensorFiles> files = version_files();
  saved_step_ = state_.step;
  return context_.checkpoints().save(save_request(), [&](const std::filesystem::path& folder) {
    for (const TensorFiles& part : files) write_files(*format, folder, part);
  });
}

}  // namespace easylm::stages
