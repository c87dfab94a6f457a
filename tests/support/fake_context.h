// A StageContext for tests of stages: inputs from a map, everything that comes out kept.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "easylm/stage.h"

namespace easylm::testing {

// Versions as folders v1, v2, … below `folder`.
class FakeCheckpoints : public Checkpoints {
 public:
  FakeCheckpoints(std::filesystem::path folder, std::shared_ptr<CheckpointFormat> format)
      : folder_(std::move(folder)), format_(std::move(format)) {}

  const SavedVersion* resume() const override { return resume_from.uri.empty() ? nullptr : &resume_from; }
  bool periodic() const override { return every_steps > 0; }
  bool due(std::int64_t step) override { return every_steps > 0 && step % every_steps == 0; }
  std::shared_ptr<CheckpointFormat> format() override { return format_; }

  SavedVersion save(const SaveRequest& request, const FillVersion& fill) override {
    const std::string version = std::to_string(requests.size() + 1);
    const std::filesystem::path folder = folder_ / ("v" + version);
    std::filesystem::create_directories(folder);
    fill(folder);
    requests.push_back(request);
    return last_ = {"fake:" + version, folder};
  }
  void save_later(const SaveRequest& request, FillVersion fill) override { save(request, fill); }
  SavedVersion saved() override { return last_.uri.empty() ? resume_from : last_; }

  void measure(const std::string& uri, const NamedNumbers& metrics) override {
    measured.emplace_back(uri, metrics);
  }
  bool meets(const std::string& /*uri*/, const std::string& condition) override {
    return condition == "true";
  }
  void set_alias(const std::string& uri, const std::string& alias) override {
    aliases.emplace_back(uri, alias);
  }

  SavedVersion resume_from;
  std::int64_t every_steps = 0;
  std::vector<SaveRequest> requests;
  std::vector<std::pair<std::string, NamedNumbers>> measured;
  std::vector<std::pair<std::string, std::string>> aliases;

 private:
  std::filesystem::path folder_;
  std::shared_ptr<CheckpointFormat> format_;
  SavedVersion last_;
};

class FakeContext : public StageContext {
 public:
  FakeContext(Host& host, FakeCheckpoints& checkpoints) : host_(host), checkpoints_(checkpoints) {
    facts = {.name = "test", .seed = 1, .device = "cpu", .precision = "fp32", .threads = 1};
  }

  Host& host() override { return host_; }
  const RunFacts& run() const override { return facts; }
  std::string_view stage_name() const override { return "stage"; }
  bool has(std::string_view port) const override { return inputs.contains(std::string(port)); }
  Artifact input(std::string_view port) override {
    if (!has(port)) throw Error(ErrorCode::internal, "the test gave no '" + std::string(port) + "'");
    return inputs.at(std::string(port));
  }
  void output(std::string_view port, Artifact artifact) override {
    outputs[std::string(port)] = std::move(artifact);
  }
  void metrics(MetricRecord record) override {
    std::map<std::string, double> row = {{"step", record.step}, {"tokens", record.tokens}};
    for (const Metric& metric : record.metrics) row[std::string(metric.name)] = metric.value;
    rows.push_back(std::move(row));
    if (on_metrics) on_metrics();
  }
  void progress(std::int64_t done, std::int64_t /*total*/) override { progressed = done; }
  void print(std::string_view text) override { printed.emplace_back(text); }
  Checkpoints& checkpoints() override { return checkpoints_; }

  std::string all_printed() const {
    std::string all;
    for (const std::string& text : printed) all += text;
    return all;
  }

  // The values of one metric, in the order in which they were logged.
  std::vector<double> logged(const std::string& name) const {
    std::vector<double> values;
    for (const auto& row : rows) {
      if (row.contains(name)) values.push_back(row.at(name));
    }
    return values;
  }

  RunFacts facts;
  std::map<std::string, Artifact> inputs, outputs;
  std::vector<std::map<std::string, double>> rows;
  std::vector<std::string> printed;
  std::int64_t progressed = 0;
  std::function<void()> on_metrics;

 private:
  Host& host_;
  FakeCheckpoints& checkpoints_;
};

}  // namespace easylm::testing
