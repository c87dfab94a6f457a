// What flows between the stages of one run: each input is looked up where the plan says it comes from.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/pipeline_config.h"
#include "easylm/stage.h"
#include "platform/files.h"

namespace easylm {

class EASYLM_API Workspace {
 public:
  // All outlive the workspace.
  Workspace(const PipelineConfig& config, Host& host, const std::filesystem::path& home);

  // Whether the stage was given this input.
  bool has(std::size_t stage, std::string_view port) const;

  // Makes or fetches the input. Datasets and optimizers are made anew for each stage, since a stage uses them
  // up; tokenizer and model are shared. A model with settings of the stage's own is given by where it lies,
  // and they with it. Throws Error{internal} for a port that the stage doesn't declare or wasn't given.
  Artifact input(std::size_t stage, std::string_view port);

  // What the stage made. Throws Error{internal} for a port that it doesn't declare.
  void output(std::size_t stage, std::string_view port, Artifact artifact);

  // What the stage has made so far; null if nothing under that name.
  const Artifact* made(std::size_t stage, std::string_view port) const;

 private:
  const InputSource* source(std::size_t stage, std::string_view port) const;
  Artifact obtain(const InputSource& source);
  Artifact from_table(const std::string& table);
  Artifact from_reference(const std::string& reference);

  const PipelineConfig& config_;
  Host& host_;
  std::filesystem::path home_;
  FileSystem files_;
  std::vector<FolderLock> in_use_;          // on versions that stages read: nobody removes them meanwhile
  std::map<std::string, Artifact> shared_;  // by table name
  std::map<std::pair<std::size_t, std::string>, Artifact> made_;
};

}  // namespace easylm
