// Checks and estimates that need more than one component.
#include "pipeline/checkup.h"

#include <algorithm>
#include <array>
#include <memory>

#include "config/checker.h"
#include "easylm/error.h"
#include "easylm/tokenizer.h"
#include "pipeline/model_reference.h"
#include "pipeline/model_tokenizer.h"
#include "platform/gpu.h"
#include "registry/query/parser.h"

namespace easylm {
namespace {

Origin origin_of(const PipelineConfig& config, std::string_view table, std::string_view key) {
  const Value* value = config.resolved.find(table);
  const Table* held = value == nullptr ? nullptr : value->as<Table>();
  if (held == nullptr) return {};
  const Value* setting = held->find(key);
  return setting == nullptr ? value->origin : setting->origin;
}

void check_device(const PipelineConfig& config, Diagnostics& diagnostics) {
  if (!config.run.device.starts_with("cuda")) return;
  const std::optional<std::string> problem = gpu_problem();
  if (!problem) return;
  diagnostics.error(origin_of(config, "run", "device"), "no_device",
                    "run.device is '" + config.run.device + "': " + *problem,
                    "use device = \"auto\" or \"cpu\", or install the NVIDIA driver");
}

// `<home>/<run name>` must not be a folder that the host keeps for itself.
void check_name(const PipelineConfig& config, Diagnostics& diagnostics) {
  constexpr std::array<std::string_view, 3> kOwn = {"bench", "cache", "checkpoints"};
  if (std::ranges::find(kOwn, config.run.name) == kOwn.end()) return;
  diagnostics.error(origin_of(config, "run", "name"), "reserved_name",
                    "run.name is '" + config.run.name + "', a folder that EasyLM keeps for itself",
                    "choose another name");
}

void check_location(const std::string& reference, const Origin& origin, const std::filesystem::path& home,
                    Diagnostics& diagnostics) {
  try {
    locate_model(reference, home);
  } catch (const Error& e) {
    diagnostics.error(origin, "no_model", e.message(), e.hint());
  }
}

void check_models(const PipelineConfig& config, const std::filesystem::path& home, Diagnostics& diagnostics) {
  if (config.model && !config.model->from.empty()) {
    check_location(config.model->from, config.model->from_origin, home, diagnostics);
  }
  for (const StageConfig& stage : config.stages) {
    for (const InputSource& input : stage.inputs) {
      if (input.kind == SourceKind::reference && input.port == "model") {
        check_location(input.reference, input.origin, home, diagnostics);
      }
    }
  }
}

// A stage's key `condition` is one that a version must meet: better refused now than after the training.
void check_conditions(const PipelineConfig& config, Diagnostics& diagnostics) {
  for (const StageConfig& stage : config.stages) {
    const Value* condition = stage.table.find("condition");
    const auto* text = condition == nullptr ? nullptr : condition->as<std::string>();
    if (text == nullptr || text->empty()) continue;
    try {
      query::parse_condition(*text);
    } catch (const Error& e) {
      diagnostics.error(condition->origin, "bad_condition", e.message(), e.hint());
    }
  }
}

void check_saving(const PipelineConfig& config, Diagnostics& diagnostics) {
  if (config.checkpoint) return;
  for (const StageConfig& stage : config.stages) {
    if (std::ranges::find(stage.description->makes, "checkpoint") == stage.description->makes.end()) continue;
    diagnostics.error(stage.origin, "no_checkpoint",
                      "stage '" + stage.name + "' saves checkpoints, and there is no [checkpoint] table",
                      "add [checkpoint] with a type, for example type = \"safetensors\"");
  }
}

bool takes(const ComponentDescription& description, std::string_view key) {
  return std::ranges::any_of(description.fields, [&](const Field& field) { return field.key == key; });
}

// Without [tokenizer] a pipeline uses the one that its model brings.
void fill_tokenizer(PipelineConfig& config, const std::filesystem::path& home,
                    const Descriptions& descriptions, Diagnostics& diagnostics) {
  const std::vector<GivenInput> models = model_references(config);
  if (config.tokenizer || models.empty()) return;
  if (models.size() > 1) {
    diagnostics.error(
        models[1].origin, "no_tokenizer",
        "there is no [tokenizer] table, and two models could bring theirs: " + models[0].reference + " and " +
            models[1].reference,
        "add [tokenizer], for example type = \"auto\" and path = \"" + models[0].reference + "\"");
    return;
  }
  Value table;
  try {
    table.data = model_tokenizer(locate_model(models[0].reference, home), descriptions);
  } catch (const Error& e) {
    diagnostics.error(models[0].origin, "no_tokenizer", e.message(), e.hint());
    return;
  }
  table.origin = std::get<Table>(table.data).origin;
  Checker checker(descriptions, home, diagnostics);
  config.tokenizer = checker.check_component(table, {"tokenizer", "tokenizer", {}, Unset::fill_in});
  if (config.tokenizer) config.resolved.set("tokenizer", {*config.tokenizer, config.tokenizer->origin});
}

// A new model's vocabulary is the tokenizer's unless the configuration says otherwise.
void fill_vocabulary(PipelineConfig& config, Host& host, const Descriptions& descriptions) {
  if (!config.model || !config.model->from.empty() || !config.tokenizer) return;
  Table& model = config.model->table;
  const ComponentDescription* description = descriptions.find("model", model.type);
  if (description == nullptr || !takes(*description, "vocab_size")) return;
  const Value* given = model.find("vocab_size");
  const auto* size = given == nullptr ? nullptr : given->as<std::int64_t>();
  if (size != nullptr && *size != 0) return;
  const auto tokenizer = host.make<Tokenizer>(*config.tokenizer);
  const Value filled{tokenizer->vocabulary_size(), {"tokenizer", {}, 0, 0}};
  model.set("vocab_size", filled);
  for (Setting& setting : config.resolved.settings) {
    if (setting.key == "model") std::get<Table>(setting.value.data).set("vocab_size", filled);
  }
}

double fact_of(const Descriptions& descriptions, std::string_view kind, const Table& table,
               std::string_view name) {
  const ComponentDescription* description = descriptions.find(kind, table.type);
  if (description == nullptr) return 0;
  return evaluate_fact(*description, table, name).value_or(0);
}

const std::string* text_of(const Table& table, std::string_view key) {
  const Value* value = table.find(key);
  return value == nullptr ? nullptr : value->as<std::string>();
}

// One update of a stage that trains, or of the pipeline if none says how.
struct Update {
  double batch_tokens = 0, tokens = 0;
  std::string_view activations = "activation_bytes_per_token";  // the model's fact
};

Update update_of(const PipelineConfig& config, const StageConfig& stage, const Descriptions& descriptions) {
  const Table* data = config.dataset("train");
  for (const InputSource& input : stage.inputs) {
    if (input.port == "dataset.train" && input.kind == SourceKind::table) data = config.table(input.table);
  }
  Update update;
  if (data != nullptr) update.batch_tokens = fact_of(descriptions, "dataset", *data, "tokens_per_batch");
  const Value* steps = stage.table.find("accumulate_gradient_steps");
  const auto* count = steps == nullptr ? nullptr : steps->as<std::int64_t>();
  update.tokens = update.batch_tokens * (count == nullptr ? 1 : static_cast<double>(*count));
  const std::string* recompute = text_of(stage.table, "recompute");
  if (recompute != nullptr && *recompute == "blocks")
    update.activations = "recomputed_activation_bytes_per_token";
  return update;
}

bool trains(const StageConfig& stage) { return stage.table.find("accumulate_gradient_steps") != nullptr; }

// Of the stage that reads the most tokens at once.
Update largest_update(const PipelineConfig& config, const Descriptions& descriptions) {
  std::optional<Update> largest;
  for (const StageConfig& stage : config.stages) {
    if (!trains(stage)) continue;
    const Update update = update_of(config, stage, descriptions);
    if (!largest || update.batch_tokens > largest->batch_tokens) largest = update;
  }
  return largest ? *largest : update_of(config, {}, descriptions);
}

}  // namespace

void check_run(PipelineConfig& config, Host& host, const std::filesystem::path& home,
               const Descriptions& descriptions, Diagnostics& diagnostics) {
  check_name(config, diagnostics);
  check_device(config, diagnostics);
  check_models(config, home, diagnostics);
  check_conditions(config, diagnostics);
  check_saving(config, diagnostics);
  if (!diagnostics.has_errors()) fill_tokenizer(config, home, descriptions, diagnostics);
  fill_vocabulary(config, host, descriptions);
}

RunEstimate estimate_run(const PipelineConfig& config, const Descriptions& descriptions) {
  RunEstimate estimate;
  const Update update = largest_update(config, descriptions);
  estimate.tokens_per_step = update.tokens;
  if (!config.model || !config.model->from.empty()) return estimate;
  const Table& model = config.model->table;
  const bool bf16 = config.run.precision == "bf16";
  estimate.parameters = fact_of(descriptions, "model", model, "parameters");
  estimate.weight_bytes = estimate.parameters * (bf16 ? 2 + 4 : 4);  // bf16: compute copy and fp32 masters
  if (!config.optimizer) return estimate;
  estimate.gradient_bytes = estimate.parameters * (bf16 ? 2 + 4 : 4);
  estimate.optimizer_bytes = estimate.parameters * fact_of(descriptions, "optimizer", *config.optimizer,
                                                           "state_bytes_per_parameter");
  double activations = fact_of(descriptions, "model", model, update.activations);
  if (activations == 0) activations = fact_of(descriptions, "model", model, "activation_bytes_per_token");
  estimate.activation_bytes = update.batch_tokens * activations / (bf16 ? 2 : 1);
  return estimate;
}

}  // namespace easylm
