// One step of a pipeline.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/checkpoints.h"
#include "easylm/component.h"
#include "easylm/host.h"
#include "easylm/tracker.h"

namespace easylm {

// What flows between stages, by port name: "model", "tokenizer", "optimizer", "dataset.train",
// "dataset.validation", "checkpoint", "report", …
struct Artifact {
  std::shared_ptr<Component> component;  // the live object; null if there is only a path
  std::filesystem::path path;            // where it lies on disk; empty if nowhere
  std::string uri;                       // its registry version; empty if none
  Table config;                          // settings that override those at `path`; empty type if none
};

// The [run] table.
struct RunFacts {
  std::string name;
  std::uint64_t seed = 0;
  std::string device;        // "auto", "cpu", "cuda", "cuda:0"
  std::string precision;     // "fp32", "bf16"
  std::int64_t threads = 0;  // 0: as many as there are cores
};

// What a stage works with. Used by the stage's thread; log and progress may be called from any.
class EASYLM_API StageContext {
 public:
  virtual ~StageContext();

  virtual Host& host() = 0;
  virtual const RunFacts& run() const = 0;
  virtual std::string_view stage_name() const = 0;

  virtual bool has(std::string_view port) const = 0;
  // Throws Error{internal} for a port that the stage's description doesn't declare, or that isn't there.
  virtual Artifact input(std::string_view port) = 0;
  virtual void output(std::string_view port, Artifact artifact) = 0;

  // Numbers for the log, the progress line and every tracker. `record.stage` and `record.time` are filled in.
  virtual void metrics(MetricRecord record) = 0;
  // How far the stage is, for the progress line; total 0 if unknown.
  virtual void progress(std::int64_t done, std::int64_t total) = 0;

  // Data for people or scripts, to standard output, at once.
  virtual void print(std::string_view text) = 0;

  virtual Checkpoints& checkpoints() = 0;
};

// A stage's key `condition`, if it has one, is a text for Checkpoints::meets(): the host checks that it can
// be read before anything runs.
class EASYLM_API Stage : public Component {
 public:
  static constexpr std::string_view kKind = "stage";
  static constexpr std::string_view kInterface = "easylm.stage/1";
  ~Stage() override;

  // Runs to the end, or throws Error. Error{interrupted} says that a signal stopped it and its work is saved.
  virtual void run(StageContext& context) = 0;
};

}  // namespace easylm
