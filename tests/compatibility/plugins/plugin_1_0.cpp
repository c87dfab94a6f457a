// A plugin of API 1.0, compiled with the headers of 1.0 only: a schedule, a tracker, and a stage that uses
// whatever the host offered then.
#include <fstream>
#include <string>

#include "easylm/error.h"
#include "easylm/schedule.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
#include "easylm/tracker.h"

namespace {

class Halving : public easylm::Schedule {
 public:
  struct Config {
    double initial = 1;
    static void describe(easylm::Schema<Config>& s) {
      s.field("initial", &Config::initial, "the rate at the first step").above(0);
    }
  };
  Halving(easylm::Host& host, const Config& config) : initial_(config.initial) {
    if (initial_ == 13) throw easylm::Error(easylm::ErrorCode::io, "thirteen", "take another number");
    host.warn("schedule", "made by a plugin of 1.0");
  }
  double at(std::int64_t step) const override {
    return initial_ / static_cast<double>(std::int64_t{1} << step);
  }
  void plan(std::int64_t total_steps) override { initial_ *= static_cast<double>(total_steps); }

 private:
  double initial_;
};

class Lines : public easylm::Tracker {
 public:
  struct Config {
    static void describe(easylm::Schema<Config>& /*s*/) {}
  };
  Lines(easylm::Host& /*host*/, const Config& /*config*/) {}
  void open(const easylm::TrackerOptions& options) override {
    file_.open(options.folder / "lines.txt");
    file_ << options.run_name << ' ' << options.resolved_config << '\n';
  }
  void log(const easylm::MetricRecord& record) override {
    file_ << record.stage << ' ' << record.step << ' ' << record.tokens << ' ' << record.time;
    for (const easylm::Metric& metric : record.metrics) file_ << ' ' << metric.name << '=' << metric.value;
    file_ << '\n';
  }
  void close() override { file_.close(); }

 private:
  std::ofstream file_;
};

class Tour : public easylm::Stage {
 public:
  struct Config {
    static void describe(easylm::Schema<Config>& s) {
      s.needs("model");
      s.makes("report");
    }
  };
  Tour(easylm::Host& /*host*/, const Config& /*config*/) {}

  void run(easylm::StageContext& context) override {
    easylm::Host& host = context.host();
    const easylm::RunFacts& facts = context.run();
    std::string seen = facts.name + ' ' + std::to_string(facts.seed) + ' ' + facts.device + ' ' +
                       facts.precision + ' ' + std::to_string(facts.threads) + ' ';
    seen += std::string(context.stage_name()) + ' ' + std::to_string(host.random("tour", 3).next());
    seen += host.stop().requested() ? " stopped " : " goes on ";
    seen += context.has("model") ? context.input("model").uri : "without a model";
    context.print(seen);
    const easylm::Metric metric = {"loss", 0.5};
    context.metrics({.step = 7, .tokens = 70, .metrics = {&metric, 1}});
    context.progress(1, 2);
    save(context.checkpoints());
    easylm::Artifact report;
    report.uri = context.checkpoints().saved().uri;
    context.output("report", report);
  }

 private:
  static void save(easylm::Checkpoints& checkpoints) {
    if (!checkpoints.periodic() || !checkpoints.due(2) || checkpoints.resume() != nullptr) return;
    easylm::SaveRequest request;
    request.step = 2;
    request.dataset_fingerprint = "f";
    request.metrics = {{"loss", 0.5}};
    const auto fill = [](const std::filesystem::path& folder) { std::ofstream(folder / "weights") << "w"; };
    const easylm::SavedVersion version = checkpoints.save(request, fill);
    checkpoints.measure(version.uri, {{"accuracy", 0.25}});
    if (checkpoints.meets(version.uri, "true")) checkpoints.set_alias(version.uri, "best");
    checkpoints.save_later(request, fill);
  }
};

}  // namespace

EASYLM_PLUGIN("plugin-of-1-0", "1.0.0") {
  registrar.component<Halving>("halving", "Half the rate of the step before.");
  registrar.component<Lines>("lines", "A line of text for each record.");
  registrar.component<Tour>("tour", "Uses each service of a stage once.");
}
