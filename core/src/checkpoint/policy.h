// When a stage's work is saved, how it becomes a version that nothing can take back, and what is kept.
//
// docs/checkpoints.md says what lies in a version's folder and what a crash at each point of a commit leaves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/manifest.h"
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
  std::int64_t keep_last = 0;    // of this run; 0: all
};

struct CheckpointStoreOptions {
  std::string name;   // of the versions
  std::string run;    // the id that Registry::begin_run gave
  std::string stage;  // the stage's name
  std::string format_name;
  std::shared_ptr<CheckpointFormat> format;
  CheckpointPolicy policy;
  std::vector<MadeWith> made_with;
  std::string pipeline;  // the resolved configuration, TOML: becomes kPipelinePath; empty: no such file
  // What went wrong without harm to what is saved: a version that couldn't be removed, for example.
  std::function<void(const Error&)> warn = [](const Error&) {};
};

// Used by one thread at a time; any number of processes may save under the same name.
class EASYLM_API CheckpointStore final : public Checkpoints {
 public:
  // Sweeps what processes that died have left under this name. `registry` (open for writing) and `files`
  // outlive this.
  CheckpointStore(CheckpointStoreOptions options, Registry& registry, FileSystem& files);
  ~CheckpointStore() override;

  bool due(std::int64_t step) const override;
  std::shared_ptr<CheckpointFormat> format() override;
  SavedVersion save(const SaveRequest& request,
                    const std::function<void(const std::filesystem::path&)>& fill) override;
  void measure(const std::string& uri, const NamedNumbers& metrics) override;

 private:
  std::filesystem::path folder() const;  // where this name's versions lie
  void sweep();
  void sweep_temporary(const FolderEntry& entry);
  void require_space() const;
  std::filesystem::path make_temporary(std::int64_t step);
  void write_pipeline(const std::filesystem::path& temporary);
  VersionManifest describe(const SaveRequest& request, std::vector<FileFacts> files) const;
  VersionRecord commit(const SaveRequest& request, const std::filesystem::path& temporary);
  void apply_retention(std::int64_t newest);
  void quietly(const std::function<void()>& action) const;

  CheckpointStoreOptions options_;
  Registry& registry_;
  FileSystem& files_;
  std::int64_t last_bytes_ = 0;  // of the version before; 0 if unknown
};

}  // namespace easylm
