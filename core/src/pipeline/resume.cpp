// Compares the pipeline that a version records with the one that is to run.
#include "pipeline/resume.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "checkpoint/policy.h"
#include "config/document.h"
#include "config/show.h"
#include "easylm/error.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

// Tables and keys that the bytes of the next version depend on.
constexpr std::string_view kMatters[] = {"model",     "tokenizer", "dataset.train",
                                         "optimizer", "run.seed",  "run.precision"};

// Where data and tokenizer lie is no difference: the stage compares their fingerprints.
constexpr std::string_view kPlaces[] = {"dataset.train.path", "tokenizer.path"};

const Value* find_path(const Table& root, std::string_view path) {
  const Table* table = &root;
  while (true) {
    const std::size_t dot = path.find('.');
    const Value* value = table->find(path.substr(0, dot));
    if (dot == std::string_view::npos || value == nullptr) return value;
    table = value->as<Table>();
    if (table == nullptr) return nullptr;
    path.remove_prefix(dot + 1);
  }
}

std::string text_of(const Value* value) { return value == nullptr ? "not set" : toml_text(*value); }

// What differs between a recorded pipeline and this one, as "optimizer.b1 was 0.9 and is 0.95".
class Comparison {
 public:
  explicit Comparison(const Table& resolved) : resolved_(resolved) {}

  void compare(const std::string& path, const Value* then, const Value* now) {
    if (std::ranges::find(kPlaces, path) != std::end(kPlaces)) return;
    const Table* old_table = then == nullptr ? nullptr : then->as<Table>();
    const Table* new_table = now == nullptr ? nullptr : now->as<Table>();
    if (old_table == nullptr || new_table == nullptr) {
      if (text_of(then) == text_of(now) || (then == nullptr && is_default(path))) return;
      differences_.push_back(path + " was " + text_of(then) + " and is " + text_of(now));
      return;
    }
    for (const Setting& setting : old_table->settings) {
      compare(path + "." + setting.key, &setting.value, new_table->find(setting.key));
    }
    for (const Setting& setting : new_table->settings) {
      if (old_table->find(setting.key) == nullptr) compare(path + "." + setting.key, nullptr, &setting.value);
    }
  }

  const std::vector<std::string>& differences() const { return differences_; }

 private:
  // A key that came after the version was made, and that nobody has set, leaves things as they were.
  bool is_default(const std::string& path) const {
    const Value* value = find_path(resolved_, path);
    return value != nullptr && value->origin.source == "default";
  }

  const Table& resolved_;
  std::vector<std::string> differences_;
};

Table parse_recorded(const std::string& text, const std::string& name) {
  Diagnostics diagnostics;
  std::optional<Table> root = parse_document(text, name, diagnostics);
  if (root) return std::move(*root);
  throw Error(ErrorCode::corrupt, diagnostics.text(), "use --resume never, or another version");
}

// What the table of a stage says of its model; null if nothing.
const Value* model_of_stage(const Table& root, const std::string& stage) {
  const Value* stages = root.find("stage");
  const List* list = stages == nullptr ? nullptr : stages->as<List>();
  if (list == nullptr) return nullptr;
  for (const Value& item : *list) {
    const Table* table = item.as<Table>();
    const Value* name = table == nullptr ? nullptr : table->find("name");
    const auto* text = name == nullptr ? nullptr : name->as<std::string>();
    if (text != nullptr && *text == stage) return table->find("model");
  }
  return nullptr;
}

void require_agreement(const Table& then, const Table& now, const Table& resolved,
                       const VersionRecord& version) {
  Comparison comparison(resolved);
  comparison.compare("stage." + version.stage + ".model", model_of_stage(then, version.stage),
                     model_of_stage(now, version.stage));
  for (const std::string_view path : kMatters) {
    comparison.compare(std::string(path), find_path(then, path), find_path(now, path));
  }
  if (comparison.differences().empty()) return;
  std::string all;
  for (const std::string& difference : comparison.differences()) all += "\n  " + difference;
  throw Error(ErrorCode::invalid_config, "this run can't go on from " + version.uri() + ":" + all,
              "change that back, begin anew with --resume never, or give the run another name");
}

std::optional<VersionRecord> version_of(const Registry& registry, const std::string& name,
                                        const std::string& wanted) {
  if (wanted != "auto") return registry.resolve(wanted);
  const std::vector<std::string> names = registry.names();
  if (std::ranges::find(names, name) == names.end()) return std::nullopt;
  return registry.resolve(name);
}

std::size_t stage_of(const PipelineConfig& config, const VersionRecord& version) {
  const auto found = std::ranges::find(config.stages, version.stage, &StageConfig::name);
  if (found != config.stages.end()) return static_cast<std::size_t>(found - config.stages.begin());
  throw Error(ErrorCode::invalid_config,
              version.uri() + " was made by a stage '" + version.stage + "', and this pipeline has none",
              "begin anew with --resume never, or give the run another name");
}

}  // namespace

std::optional<ResumePoint> find_resume_point(const PipelineConfig& config, const fs::path& home,
                                             const std::string& wanted) {
  if (wanted == "never" || !config.checkpoint) return std::nullopt;
  const Registry registry(home, RegistryAccess::read);
  const std::optional<VersionRecord> version = version_of(registry, config.run.name, wanted);
  if (!version) return std::nullopt;
  const VersionDetails details = registry.details(version->uri());
  if (details.config.empty()) {  // nothing to go on with
    if (wanted == "auto") return std::nullopt;
    throw Error(ErrorCode::invalid_config, version->uri() + " was not made by a run",
                "start from its weights: [model] from = \"" + version->uri() + "\"");
  }
  const std::string now = show_toml(config.resolved);
  require_agreement(parse_recorded(details.config, version->uri()), parse_recorded(now, "this pipeline"),
                    config.resolved, *version);
  ResumePoint point;
  point.version = {version->uri(), version->path};
  point.run = version->run;
  point.step = version->step;
  point.stage = stage_of(config, *version);
  point.complete =
      wanted == "auto" && details.run_status == name_of(RunStatus::finished) && details.config == now;
  return point;
}

}  // namespace easylm
