// When a stage's work is saved, how it becomes a version that nothing can take back, and what is kept.
//
// docs/checkpoints.md says what lies in a version's folder and what a crash at each point of a commit leaves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/background.h"
#include "checkpoint/manifest.h"
#include "checkpoint/retention.h"
#include "easylm/checkpoints.h"
#include "easylm/error.h"
#include "easylm/export.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {

// Within a version: the pipeline that made it, so that a folder says by itself how it came to be.
inline constexpr std::string_view kPipelinePath = "easylm/pipeline.toml";

struct CheckpointPolicy {
  std::int64_t every_steps = 0;  // 0: only when a stage saves by itself
  RetentionPolicy retention;     // among the versions of this run, and of those that it continues
};

struct CheckpointStoreOptions {
  std::string name;   // of the versions
  std::string run;    // the id that Registry::begin_run gave
  std::string stage;  // the stage's name
  std::string format_name;
  std::shared_ptr<CheckpointFormat> format;
  CheckpointPolicy policy;
  std::vector<MadeWith> made_with;
  std::optional<SavedVersion> resume;  // what the stage goes on from
  std::string pipeline;  // the resolved configuration, TOML: becomes kPipelinePath; empty: no such file
  // What went wrong without harm to what is saved: a version that couldn't be removed, for example.
  std::function<void(const Error&)> warn = [](const Error&) {};
  std::function<void(const VersionRecord&)> tell = [](const VersionRecord&) {};  // what was committed
};

// The callbacks of the options are called by the thread that saves. Used by one thread at a time; any number
// of processes may save under the same name.
class EASYLM_API CheckpointStore final : public Checkpoints {
 public:
  // Sweeps what processes that died have left under this name. `registry` (open for writing) and `files`
  // outlive this.
  CheckpointStore(CheckpointStoreOptions options, Registry& registry, FileSystem& files);
  ~CheckpointStore() override;

  const SavedVersion* resume() const override { return options_.resume ? &*options_.resume : nullptr; }
  bool periodic() const override { return options_.policy.every_steps > 0; }
  bool due(std::int64_t step) override;
  std::shared_ptr<CheckpointFormat> format() override;
  SavedVersion save(const SaveRequest& request, const FillVersion& fill) override;
  void save_later(const SaveRequest& request, FillVersion fill) override;
  SavedVersion saved() override;
  void measure(const std::string& uri, const NamedNumbers& metrics) override;
  bool meets(const std::string& uri, const std::string& condition) override;
  void set_alias(const std::string& uri, const std::string& alias) override;

 private:
  std::filesystem::path folder() const;  // where this name's versions lie
  void sweep();
  void require_space() const;
  std::filesystem::path make_temporary(std::int64_t step);
  void write_pipeline(const std::filesystem::path& temporary);
  VersionManifest describe(const SaveRequest& request, std::vector<FileFacts> files) const;
  void perform(Registry& registry, const SaveRequest& request, const FillVersion& fill);
  VersionRecord commit(Registry& registry, const SaveRequest& request,
                       const std::filesystem::path& temporary);
  void apply_retention(Registry& registry);
  void remove(Registry& registry, const VersionRecord& version);
  void quietly(const std::function<void()>& action) const;

  CheckpointStoreOptions options_;
  Registry& registry_;
  FileSystem& files_;
  std::int64_t last_bytes_ = 0;  // of the version before; 0 if unknown
  SavedVersion saved_;
  Background background_;  // the last member: what it uses lives until it is done
};

}  // namespace easylm
