// What a running stage sees: its inputs, its outputs, and where its numbers go.
#pragma once

#include <memory>
#include <string>

#include "config/pipeline_config.h"
#include "easylm/stage.h"
#include "observe/metrics.h"
#include "observe/progress.h"
#include "pipeline/workspace.h"

namespace easylm {

// Everything outlives the context.
struct StageSurroundings {
  const PipelineConfig& config;
  Host& host;
  Workspace& workspace;
  Metrics& metrics;
  Progress& progress;
  Console& console;
  Checkpoints* checkpoints = nullptr;  // null: this run saves nothing
};

class EASYLM_API RunningStage final : public StageContext {
 public:
  RunningStage(const StageSurroundings& surroundings, std::size_t index);

  Host& host() override { return around_.host; }
  const RunFacts& run() const override { return around_.config.run; }
  std::string_view stage_name() const override { return around_.config.stages[index_].name; }
  bool has(std::string_view port) const override { return around_.workspace.has(index_, port); }
  Artifact input(std::string_view port) override { return around_.workspace.input(index_, port); }
  void output(std::string_view port, Artifact artifact) override;
  void metrics(MetricRecord record) override;
  void progress(std::int64_t done, std::int64_t total) override;
  void print(std::string_view text) override;
  Checkpoints& checkpoints() override;

 private:
  StageSurroundings around_;
  std::size_t index_;
};

}  // namespace easylm
