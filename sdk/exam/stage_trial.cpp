// Stands between a stage and its run, and keeps what passes.
#include "stage_trial.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <mutex>

#include "config/show.h"
#include "easylm/checkpoint_format.h"
#include "easylm/error.h"
#include "pipeline/runner.h"

namespace easylm::exam {
namespace {

namespace fs = std::filesystem;

class Spy final : public StageContext {
 public:
  Spy(StageContext& real, const ComponentDescription& described, Ordeal ordeal, Seen& seen)
      : real_(real), described_(described), ordeal_(ordeal), seen_(seen) {}

  Host& host() override { return real_.host(); }
  const RunFacts& run() const override { return real_.run(); }
  std::string_view stage_name() const override { return real_.stage_name(); }
  bool has(std::string_view port) const override { return real_.has(port); }

  Artifact input(std::string_view port) override {
    seen_.asked.emplace_back(port);
    if (std::ranges::find(described_.needs, port, &Port::name) == described_.needs.end()) {
      seen_.strange.push_back("it asks for the port " + shown(port));
    }
    refuse_if(Ordeal::without_input);
    return real_.input(port);
  }
  void output(std::string_view port, Artifact artifact) override {
    if (std::ranges::find(described_.makes, port) == described_.makes.end()) {
      seen_.strange.push_back("it makes the port " + shown(port));
    }
    seen_.made[std::string(port)] = artifact;
    real_.output(port, std::move(artifact));
  }
  void metrics(MetricRecord record) override {
    for (const Metric& metric : record.metrics) {
      seen_.metrics.push_back({record.step, std::string(metric.name), metric.value});
    }
    real_.metrics(record);
  }
  void progress(std::int64_t done, std::int64_t total) override {
    const std::lock_guard lock(mutex_);
    seen_.progress.emplace_back(done, total);
  }
  void print(std::string_view text) override {
    refuse_if(Ordeal::without_print);
    seen_.printed += text;
  }
  Checkpoints& checkpoints() override { return real_.checkpoints(); }

 private:
  void refuse_if(Ordeal ordeal) {
    if (ordeal_ != ordeal) return;
    ++seen_.refusals;
    throw Error(ErrorCode::io, "the exam lets this call fail");
  }

  StageContext& real_;
  const ComponentDescription& described_;
  Ordeal ordeal_;
  Seen& seen_;
  std::mutex mutex_;
};

// Where the stages of a trial write: what a path key names that need not be there is moved below `folder`, so
// that each trial makes its own.
void write_below(const fs::path& folder, PipelineConfig& config) {
  for (StageConfig& stage : config.stages) {
    for (const Field& field : stage.description->fields) {
      const Value* value = stage.table.find(field.key);
      const auto* path = value == nullptr ? nullptr : value->as<std::string>();
      if (field.type != FieldType::path || field.must_exist || path == nullptr || path->empty()) continue;
      const fs::path own = folder / "made" / stage.name;
      fs::create_directories(own);
      stage.table.set(field.key, {(own / fs::path(*path).filename()).string(), {}});
    }
  }
}

// `text` without the names of the trial's folder, which are its own.
std::string without(const fs::path& folder, std::string text) {
  for (std::size_t at = 0; (at = text.find(folder.native(), at)) != text.npos;) {
    text.erase(at, folder.native().size());
  }
  return text;
}

// The pipeline up to the stage, or the stage alone if it needs nothing.
PipelineConfig pipeline_for(const Subject& subject) {
  if (subject.pipeline != nullptr) {
    PipelineConfig config = *subject.pipeline;
    const auto found = std::ranges::find_if(config.stages, [&](const StageConfig& stage) {
      return stage.description->name == subject.described.name;
    });
    if (found != config.stages.end()) {
      config.stages.erase(std::next(found), config.stages.end());
      return config;
    }
  }
  std::string needed;
  for (const Port& port : subject.described.needs) {
    if (port.required) needed += (needed.empty() ? "" : ", ") + port.name;
  }
  if (!needed.empty()) {
    throw Error(ErrorCode::invalid_config, "it can't run alone: it needs " + needed,
                "give --pipeline FILE.toml, a pipeline with a [[stage]] of type \"" + subject.described.name +
                    "\" and with what it needs");
  }
  PipelineConfig config;
  config.run = {"exam", subject.seed, "cpu", "fp32", 1};
  StageConfig stage;
  stage.name = subject.described.name;
  stage.description = &subject.described;
  stage.table = subject.settings;
  for (const Port& port : subject.described.needs) stage.inputs.push_back({port.name, port.required});
  config.stages.push_back(std::move(stage));
  return config;
}

void watch(Stage& stage, StageContext& context, Seen& seen) {
  const auto begin = std::chrono::steady_clock::now();
  try {
    stage.run(context);
  } catch (const Error& error) {
    seen.failure = error;
  } catch (const std::exception& error) {
    seen.foreign = error.what();
    if (seen.foreign.empty()) seen.foreign = "a std::exception";
  } catch (...) {
    seen.foreign = "what is not even a std::exception";
  }
  seen.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// A few measurements are of the machine, not of the work.
bool is_of_the_machine(const std::string& name) {
  return std::ranges::any_of(std::array{"second", "memory", "time"},
                             [&](const char* word) { return name.find(word) != std::string::npos; });
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void add_tensors(const TensorReader& reader, const std::string& where,
                 std::map<std::string, std::string>& all) {
  for (std::size_t i = 0; i < reader.tensors().size(); ++i) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(reader.tensors()[i].num_bytes()));
    reader.read(i, 0, bytes);
    all[where + ", tensor " + reader.tensors()[i].name] = text_of(bytes);
  }
}

// A checkpoint has a record of its time beside the tensors, other things are their files.
void add_contents(Host& host, const fs::path& path, const std::string& where,
                  std::map<std::string, std::string>& all) {
  try {
    return add_tensors(*find_format(host, path).format->open(path), where, all);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) throw;
  }
  const auto add = [&](const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    all[where + ", file " + file.lexically_relative(path).string()] =
        std::string(std::istreambuf_iterator<char>(in), {});
  };
  if (fs::is_regular_file(path)) return add(path);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) add(entry.path());
  }
}

}  // namespace

Seen run_stage(const Subject& subject, const fs::path& folder, Ordeal ordeal) {
  PipelineConfig config = pipeline_for(subject);
  write_below(folder, config);
  StopToken stop;
  Log log(subject.console, LogLevel::error);  // a run adds its own file to it
  const HostServices services{log, subject.services.catalogue, subject.services.maker, stop};
  Seen seen;
  RunRequest request;
  request.home = folder;
  request.run_stage = [&](Stage& stage, StageContext& context, std::size_t index) {
    if (index + 1 < config.stages.size()) return stage.run(context);
    Spy spy(context, subject.described, ordeal, seen);
    if (ordeal == Ordeal::stopped) stop.request(SIGTERM);
    watch(stage, spy, seen);
  };
  const RunOutcome outcome = run_stages(config, request, services, subject.console);
  if (outcome.failure) {
    throw outcome.failed_stage == config.stages.back().name
        ? *outcome.failure
        : outcome.failure->within("the pipeline of the exam doesn't come as far as the stage");
  }
  seen.printed = without(folder, std::move(seen.printed));
  return seen;
}

std::map<std::string, std::string> lasting(const Subject& subject, const Seen& seen) {
  std::map<std::string, std::string> all{{"what it prints", seen.printed}};
  for (std::size_t i = 0; i < seen.metrics.size(); ++i) {
    const SeenMetric& metric = seen.metrics[i];
    all["measurement " + std::to_string(i)] =
        "step " + std::to_string(metric.step) + " " + metric.name + " " +
        (is_of_the_machine(metric.name) ? "" : toml_text(Value{metric.value, {}}));
  }
  for (const auto& [port, artifact] : seen.made) {
    const std::string where = "the port " + port;
    all[where] = std::string(artifact.component ? "an object" : "") +
                 (artifact.uri.empty() ? "" : " a version") + (artifact.path.empty() ? "" : " a path");
    if (!artifact.path.empty()) add_contents(subject.host, artifact.path, where, all);
  }
  return all;
}

}  // namespace easylm::exam
