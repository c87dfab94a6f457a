// The one screen that says what a run will be.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "config/show.h"
#include "observe/format.h"
#include "pipeline/checkup.h"
#include "plugin/catalogue.h"

namespace easylm {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string file_of(const Catalogue& catalogue, std::string_view kind, std::string_view name) {
  const InspectedPlugin* plugin = catalogue.provider(kind, name);
  return plugin == nullptr ? "" : plugin->file.filename().string();
}

std::string component(const Catalogue& catalogue, std::string_view kind, const Table& table) {
  return table.type + " (" + file_of(catalogue, kind, table.type) + ")";
}

std::string model_text(const PipelineConfig& config, const Catalogue& catalogue,
                       const RunEstimate& estimate) {
  if (!config.model->from.empty()) return "from " + config.model->from;
  std::string text = component(catalogue, "model", config.model->table);
  if (estimate.parameters > 0) {
    text += ", " + format_count(estimate.parameters) + " parameters (" +
            std::to_string(static_cast<std::int64_t>(estimate.parameters)) + ")";
  }
  return text;
}

std::string source_text(const PipelineConfig& config, const InputSource& input) {
  switch (input.kind) {
    case SourceKind::absent:
      return "none";
    case SourceKind::table:
      return "[" + input.table + "]";
    case SourceKind::stage:
      return "stage " + config.stages[input.stage].name;
    case SourceKind::reference:
      return input.reference;
  }
  return "";
}

std::string stage_text(const PipelineConfig& config, const StageConfig& stage, const Catalogue& catalogue) {
  std::string text =
      stage.description->name + " (" + file_of(catalogue, "stage", stage.description->name) + ")";
  std::string inputs;
  for (const InputSource& input : stage.inputs) {
    if (input.kind == SourceKind::absent) continue;
    inputs += (inputs.empty() ? ": " : ", ") + input.port + " from " + source_text(config, input);
    if (!input.settings.settings.empty()) inputs += " with " + toml_text({input.settings, {}});
  }
  return text + inputs;
}

std::string memory_text(const RunEstimate& e) {
  return "about " + format_bytes(e.total_bytes()) + ": weights " + format_bytes(e.weight_bytes) +
         ", gradients " + format_bytes(e.gradient_bytes) + ", optimizer " + format_bytes(e.optimizer_bytes) +
         ", activations " + format_bytes(e.activation_bytes);
}

void add_components(const PipelineConfig& config, const Catalogue& catalogue, const RunEstimate& estimate,
                    Rows& rows) {
  if (config.tokenizer) rows.emplace_back("tokenizer", component(catalogue, "tokenizer", *config.tokenizer));
  for (const auto& [name, table] : config.datasets) {
    rows.emplace_back("dataset", name + ": " + component(catalogue, "dataset", table));
  }
  if (config.model) rows.emplace_back("model", model_text(config, catalogue, estimate));
  if (config.optimizer) rows.emplace_back("optimizer", component(catalogue, "optimizer", *config.optimizer));
  if (config.checkpoint) {
    rows.emplace_back("checkpoint", component(catalogue, "checkpoint", config.checkpoint->format));
  }
  for (const Table& tracker : config.trackers) {
    rows.emplace_back("tracker", component(catalogue, "tracker", tracker));
  }
}

}  // namespace

std::string describe_run(const PipelineConfig& config, const Catalogue& catalogue) {
  const RunEstimate estimate = estimate_run(config, catalogue);
  Rows rows;
  rows.emplace_back("run", config.run.name + ", seed " + std::to_string(config.run.seed) + ", device " +
                               config.run.device + ", " + config.run.precision);
  add_components(config, catalogue, estimate, rows);
  for (const StageConfig& stage : config.stages) {
    rows.emplace_back("stage", stage.name + " = " + stage_text(config, stage, catalogue));
  }
  if (estimate.tokens_per_step > 0)
    rows.emplace_back("step", format_count(estimate.tokens_per_step) + " tokens");
  if (estimate.parameters > 0) rows.emplace_back("memory", memory_text(estimate));
  std::string text;
  for (const auto& [label, what] : rows) {
    text.append(label).append(12 - label.size(), ' ').append(what).append("\n");
  }
  return text;
}

}  // namespace easylm
