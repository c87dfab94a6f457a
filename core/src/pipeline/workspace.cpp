// Finds inputs: in a table, in an earlier stage, in the registry or on disk.
#include "pipeline/workspace.h"

#include <algorithm>

#include "easylm/error.h"
#include "pipeline/model_reference.h"

namespace easylm {
namespace {

// "dataset.train" is of kind "dataset".
std::string kind_of(const std::string& table) { return table.substr(0, table.find('.')); }

}  // namespace

Workspace::Workspace(const PipelineConfig& config, Host& host, const std::filesystem::path& home)
    : config_(config), host_(host), home_(home) {}

const InputSource* Workspace::source(std::size_t stage, std::string_view port) const {
  const auto& inputs = config_.stages.at(stage).inputs;
  const auto found = std::ranges::find(inputs, port, &InputSource::port);
  return found == inputs.end() ? nullptr : &*found;
}

bool Workspace::has(std::size_t stage, std::string_view port) const {
  const InputSource* from = source(stage, port);
  return from != nullptr && from->kind != SourceKind::absent;
}

Artifact Workspace::input(std::size_t stage, std::string_view port) {
  const InputSource* from = source(stage, port);
  EASYLM_CHECK(from != nullptr,
               "a stage asked for the port '" + std::string(port) + "', which it doesn't declare");
  Artifact artifact = obtain(*from);
  if (from->settings.settings.empty()) return artifact;
  EASYLM_CHECK(!artifact.path.empty(), "a model that lies nowhere can't be read with other settings");
  artifact.component = nullptr;
  artifact.config = from->settings;
  return artifact;
}

Artifact Workspace::obtain(const InputSource& source) {
  switch (source.kind) {
    case SourceKind::absent:
      break;
    case SourceKind::table:
      return from_table(source.table);
    case SourceKind::reference:
      return from_reference(source.reference);
    case SourceKind::stage: {
      const Artifact* artifact = made(source.stage, source.port);
      EASYLM_CHECK(artifact != nullptr, "stage '" + config_.stages[source.stage].name +
                                            "' ended without making '" + source.port + "'");
      return *artifact;
    }
  }
  throw Error(ErrorCode::internal, "nothing provides the port '" + source.port + "'");
}

void Workspace::output(std::size_t stage, std::string_view port, Artifact artifact) {
  const auto& makes = config_.stages.at(stage).description->makes;
  EASYLM_CHECK(std::ranges::find(makes, port) != makes.end(),
               "a stage made '" + std::string(port) + "', which it doesn't declare");
  made_[{stage, std::string(port)}] = std::move(artifact);
}

const Artifact* Workspace::made(std::size_t stage, std::string_view port) const {
  const auto found = made_.find({stage, std::string(port)});
  return found == made_.end() ? nullptr : &found->second;
}

Artifact Workspace::from_table(const std::string& table) {
  const std::string kind = kind_of(table);
  const bool shareable = kind == "tokenizer" || kind == "model";
  if (const auto found = shared_.find(table); shareable && found != shared_.end()) return found->second;
  Artifact artifact;
  if (kind == "model" && !config_.model->from.empty()) {
    artifact = from_reference(config_.model->from);
    artifact.config = config_.model->table;
  } else {
    const Table* settings = config_.table(table);
    EASYLM_CHECK(settings != nullptr, "the plan names a table that isn't there");
    artifact.component = host_.make_component(kind, *settings);
  }
  if (shareable) shared_[table] = artifact;
  return artifact;
}

Artifact Workspace::from_reference(const std::string& reference) {
  const ModelLocation location = locate_model(reference, home_);
  if (!location.uri.empty()) in_use_.push_back(files_.try_share(location.path));
  return {.component = nullptr, .path = location.path, .uri = location.uri, .config = {}};
}

}  // namespace easylm
