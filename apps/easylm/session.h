// What most verbs need: the plugins that are installed, and a checked pipeline.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/pipeline_config.h"
#include "easylm/host.h"
#include "observe/console.h"
#include "observe/log.h"
#include "pipeline/run_host.h"
#include "plugin/catalogue.h"
#include "plugin/component_maker.h"

namespace easylm::app {

// What the home's lock on plugins is used for.
enum class LockUse { hash_when_loaded, hash_at_once, ignore };

class Session {
 public:
  // Throws Error{invalid_config} if the lock is to be used and is broken.
  explicit Session(std::filesystem::path home, LockUse lock = LockUse::hash_when_loaded);

  const std::filesystem::path& home() const { return home_; }
  const Catalogue& catalogue() const { return catalogue_; }
  Console& console() { return console_; }
  Log& log() { return log_; }
  StopToken& stop() { return stop_; }
  HostServices services() { return {log_, catalogue_, maker_, stop_}; }

  // The pipeline, checked as far as it can be without running it. None if anything is wrong.
  std::optional<PipelineConfig> load(const std::filesystem::path& file, const std::vector<std::string>& sets,
                                     Diagnostics& diagnostics);

  // The same for a pipeline that was put together here; `name` stands for its file.
  std::optional<PipelineConfig> check(const Table& root, const std::string& name,
                                      const std::vector<std::string>& sets, Diagnostics& diagnostics);

  // A host outside of a run, for looking at components.
  RunHost make_host();

 private:
  std::optional<PipelineConfig> complete(std::optional<PipelineConfig> config, Diagnostics& diagnostics);
  LoadOptions options(const std::vector<std::string>& sets) const;

  std::filesystem::path home_;
  std::filesystem::path directory_;
  Console console_;
  Log log_;
  Catalogue catalogue_;
  ComponentMaker maker_;
  StopToken stop_;
};

// Prints diagnostics to standard error.
void report(const Diagnostics& diagnostics);

}  // namespace easylm::app
