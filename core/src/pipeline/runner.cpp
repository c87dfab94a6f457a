// The run from its first line to its last.
#include "pipeline/runner.h"

#include <chrono>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/policy.h"
#include "config/show.h"
#include "easylm/tracker.h"
#include "observe/format.h"
#include "observe/metrics.h"
#include "observe/position_chart.h"
#include "observe/progress.h"
#include "pipeline/curve_tracker.h"
#include "pipeline/run_folder.h"
#include "pipeline/stage_context.h"
#include "pipeline/workspace.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {
namespace {

// The row of a recorded run; whatever happens, it doesn't stay "running" while this process lives.
class RunRow {
 public:
  RunRow(Registry& registry, const NewRun& run) : registry_(registry), id_(registry.begin_run(run)) {}
  ~RunRow() {
    if (finished_) return;
    try {
      registry_.finish_run(id_, RunStatus::failed);
    } catch (const std::exception&) {  // a destructor has nobody to tell; the row says "running", of a dead
                                       // process
    }
  }
  RunRow(const RunRow&) = delete;
  RunRow& operator=(const RunRow&) = delete;

  const std::string& id() const { return id_; }
  void finish(RunStatus status) {
    registry_.finish_run(id_, status);
    finished_ = true;
  }

 private:
  Registry& registry_;
  std::string id_;
  bool finished_ = false;
};

NewRun new_run(const PipelineConfig& config, const Catalogue& catalogue,
               const std::optional<ResumePoint>& resume) {
  NewRun run;
  run.name = config.run.name;
  run.config = show_toml(config.resolved);
  run.seed = config.run.seed;
  run.device = config.run.device;
  if (resume) run.continues = resume->run;
  std::set<std::string> seen;  // a plugin has an entry for each of its components
  for (const CatalogueEntry& entry : catalogue.entries()) {
    if (entry.status != PluginStatus::available || !seen.insert(entry.plugin).second) continue;
    run.plugins.emplace_back(entry.plugin, entry.version);
  }
  return run;
}

std::int64_t integer_of(const Table& table, std::string_view key) {
  const Value* value = table.find(key);
  const auto* number = value == nullptr ? nullptr : value->as<std::int64_t>();
  return number == nullptr ? 0 : *number;
}

std::string text_of(const Table& table, std::string_view key) {
  const Value* value = table.find(key);
  const auto* text = value == nullptr ? nullptr : value->as<std::string>();
  return text == nullptr ? std::string() : *text;
}

CheckpointPolicy policy_of(const Table& table) {
  CheckpointPolicy policy;
  policy.every_steps = integer_of(table, "every_steps");
  policy.retention.keep_last = integer_of(table, "keep_last");
  policy.retention.milestone_every_steps = integer_of(table, "milestone_every_steps");
  policy.retention.keep_best = integer_of(table, "keep_best");
  policy.retention.best_metric = text_of(table, "best_metric");
  policy.retention.highest_is_best = text_of(table, "best_is") == "highest";
  return policy;
}

std::vector<MadeWith> made_with(const PipelineConfig& config) {
  std::vector<MadeWith> pieces;
  if (config.tokenizer) pieces.push_back({"tokenizer", config.tokenizer->type, "1"});
  if (config.model && !config.model->table.type.empty()) {
    pieces.push_back({"model", config.model->table.type, "1"});
  }
  if (config.optimizer) pieces.push_back({"optimizer", config.optimizer->type, "1"});
  if (const Table* train = config.dataset("train")) pieces.push_back({"dataset", train->type, "1"});
  return pieces;
}

// One run: what lives from its first stage to its last.
class Run {
 public:
  Run(const PipelineConfig& config, const RunRequest& request, const HostServices& services, Console& console)
      : config_(config),
        services_(services),
        console_(console),
        home_(request.home),
        recorded_(request.recording == Recording::full),
        resume_(request.resume),
        run_stage_(request.run_stage),
        folder_(recorded_ ? make_run_folder(home_, config.run.name) : std::filesystem::path{}),
        host_(services, config.run.seed, {folder_, home_ / "cache"}),
        workspace_(config, host_, home_),
        metrics_(services.log) {}

  RunOutcome execute() {
    if (recorded_) begin();
    RunOutcome outcome;
    outcome.folder = folder_;
    for (std::size_t i = 0; i < config_.stages.size() && !outcome.failure; ++i) {
      if (resume_ && i < resume_->stage) {
        skip_stage(i);
      } else {
        run_stage(i, outcome);
      }
    }
    metrics_.close();
    if (!row_) return outcome;
    row_->finish(status_of(outcome));
    for (const VersionRecord& version : registry_->list({{}, row_->id()})) {
      outcome.saved.push_back({version.uri(), version.path});
    }
    return outcome;
  }

 private:
  void begin() {
    resolved_ = show_toml(config_.resolved);
    files_.write_new_file(folder_ / "config.resolved.toml", resolved_);
    services_.log.add_file(folder_ / "log.txt");
    registry_ = std::make_unique<Registry>(home_, RegistryAccess::write);
    if (registry_->journal_mode() != "wal") {
      host_.info("registry", "lies on a network file system: it keeps a rollback journal",
                 {{"home", home_.native()}});
    }
    if (resume_) in_use_.push_back(files_.try_share(resume_->version.path));
    if (config_.checkpoint) format_ = host_.make<CheckpointFormat>(config_.checkpoint->format);
    for (const Table& table : config_.trackers) {
      metrics_.add(table.type, host_.make<Tracker>(table), {config_.run.name, folder_, resolved_});
    }
    row_ = std::make_unique<RunRow>(*registry_, new_run(config_, services_.catalogue, resume_));
    metrics_.add("registry", std::make_shared<CurveTracker>(*registry_, row_->id()), {});
    metrics_.add("loss by position", std::make_shared<PositionChart>(),
                 {config_.run.name, folder_, resolved_});
    host_.info("run", "begins", {{"name", config_.run.name}, {"folder", folder_.native()}});
  }

  // An earlier run did it: what it made is in the version.
  void skip_stage(std::size_t index) {
    const StageConfig& stage = config_.stages[index];
    const Artifact made = {
        .component = nullptr, .path = resume_->version.path, .uri = resume_->version.uri, .config = {}};
    for (const std::string& port : stage.description->makes) workspace_.output(index, port, made);
    host_.info("stage", "was done before", {{"name", stage.name}, {"version", resume_->version.uri}});
  }

  void run_stage(std::size_t index, RunOutcome& outcome) {
    const StageConfig& stage = config_.stages[index];
    const auto started = std::chrono::steady_clock::now();
    Progress progress(console_);
    std::unique_ptr<CheckpointStore> checkpoints;
    try {
      if (format_) checkpoints = make_store(index);
      RunningStage context({config_, host_, workspace_, metrics_, progress, console_, checkpoints.get()},
                           index);
      host_.info("stage", "begins", {{"name", stage.name}});
      Table table = stage.table;
      table.type = stage.description->name;
      const auto made = host_.make<Stage>(table);
      if (run_stage_) {
        run_stage_(*made, context, index);
      } else {
        made->run(context);
      }
      progress.finish();
      const auto seconds =
          std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started);
      host_.info("stage", "is done", {{"name", stage.name}, {"took", format_duration(seconds)}});
    } catch (const Error& e) {
      outcome.failure = e.within("stage '" + stage.name + "'");
    } catch (const std::exception& e) {
      outcome.failure = Error(ErrorCode::plugin, "stage '" + stage.name + "': " + e.what());
    }
    progress.finish();
    checkpoints.reset();  // what is still being saved comes first
    write_curves();
    if (!outcome.failure) return;
    outcome.failed_stage = stage.name;
    if (outcome.failure->code() == ErrorCode::interrupted) outcome.signal = services_.stop.signal();
  }

  // What was measured since the last version; a registry that can't be written ends no run.
  void write_curves() {
    if (!registry_) return;
    try {
      registry_->write_curves();
    } catch (const Error& error) {
      services_.log.write("registry", error);
    }
  }

  std::unique_ptr<CheckpointStore> make_store(std::size_t stage) {
    CheckpointStoreOptions options;
    options.name = config_.run.name;
    options.run = row_->id();
    options.stage = config_.stages[stage].name;
    if (resume_ && resume_->stage == stage) options.resume = resume_->version;
    options.format_name = config_.checkpoint->format.type;
    options.format = format_;
    options.policy = policy_of(config_.checkpoint->policy);
    options.made_with = made_with(config_);
    options.pipeline = resolved_;
    options.warn = [this](const Error& error) { services_.log.write("checkpoint", error); };
    options.tell = [this](const VersionRecord& version) {
      host_.info("checkpoint", "saved", {{"version", version.uri()}, {"bytes", version.bytes}});
    };
    return std::make_unique<CheckpointStore>(std::move(options), *registry_, files_);
  }

  static RunStatus status_of(const RunOutcome& outcome) {
    if (!outcome.failure) return RunStatus::finished;
    return outcome.signal != 0 ? RunStatus::interrupted : RunStatus::failed;
  }

  const PipelineConfig& config_;
  const HostServices& services_;
  Console& console_;
  std::filesystem::path home_;
  bool recorded_;
  std::optional<ResumePoint> resume_;
  std::function<void(Stage&, StageContext&, std::size_t)> run_stage_;
  std::filesystem::path folder_;
  RunHost host_;
  Workspace workspace_;
  Metrics metrics_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<RunRow> row_;
  std::shared_ptr<CheckpointFormat> format_;
  FileSystem files_;
  std::vector<FolderLock> in_use_;
  std::string resolved_;
};

}  // namespace

RunOutcome run_stages(const PipelineConfig& config, const RunRequest& request, const HostServices& services,
                      Console& console) {
  return Run(config, request, services, console).execute();
}

}  // namespace easylm
