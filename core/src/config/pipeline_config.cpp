// Reads a pipeline file section by section.
#include "config/pipeline_config.h"

#include <algorithm>
#include <utility>

#include "config/checker.h"
#include "config/did_you_mean.h"
#include "config/document.h"
#include "config/pipeline_fields.h"
#include "config/plain_values.h"
#include "config/show.h"
#include "config/table_paths.h"

namespace easylm {
namespace {

const std::vector<std::string>& section_names() {
  static const std::vector<std::string> kNames{"run",       "tokenizer",  "dataset", "model",
                                               "optimizer", "checkpoint", "tracker", "stage"};
  return kNames;
}

class PipelineReader {
 public:
  PipelineReader(const Table& root, const std::filesystem::path& file, const LoadOptions& options,
                 const Descriptions& descriptions, Diagnostics& diagnostics)
      : root_(root),
        file_(file),
        descriptions_(descriptions),
        diagnostics_(diagnostics),
        checker_(descriptions, options.directory, diagnostics) {}

  PipelineConfig read() && {
    report_unknown_sections();
    read_run();
    config_.tokenizer = read_component("tokenizer");
    read_datasets();
    read_model();
    config_.optimizer = read_component("optimizer");
    read_checkpoint();
    read_trackers();
    read_stages();
    if (can_match_) {
      match_stages(config_, diagnostics_);
      check_stage_constraints(config_, diagnostics_);
    }
    return std::move(config_);
  }

 private:
  void read_run() {
    const Value* given = root_.find("run");
    const Table* raw = given != nullptr ? given->as<Table>() : nullptr;
    if (given != nullptr && raw == nullptr) {
      diagnostics_.error(given->origin, "wrong_type", "run must be a table, not " + describe(*given));
    }
    Table none;
    none.origin = file_origin();
    Table run = checker_.check_table(raw != nullptr ? *raw : none, run_fields(), "run");
    if (raw == nullptr || raw->find("name") == nullptr) {
      run.settings.insert(run.settings.begin(),
                          {"name", {file_.stem().string(), default_origin(run.origin)}});
    }
    for (const Setting& setting : run.settings) read_run_setting(setting);
    config_.resolved.set("run",
                         {std::move(run), given != nullptr ? given->origin : default_origin(file_origin())});
  }

  void read_run_setting(const Setting& setting) {
    const Value& value = setting.value;
    const std::string text = value.as<std::string>() != nullptr ? *value.as<std::string>() : "";
    if (setting.key == "name") {
      config_.run.name = text;
      if (!is_usable_name(text)) {
        diagnostics_.error(value.origin, "bad_name",
                           "run.name '" + text + "' can't name a run and its checkpoints", kUsableNames);
      }
    } else if (setting.key == "device") {
      config_.run.device = text;
      if (!is_device(text)) {
        diagnostics_.error(value.origin, "not_a_choice",
                           "run.device must be auto, cpu, cuda, or cuda:N, not \"" + text + "\"");
      }
    } else if (setting.key == "precision") {
      config_.run.precision = text;
    } else if (setting.key == "seed") {
      config_.run.seed = static_cast<std::uint64_t>(*value.as<std::int64_t>());
    } else if (setting.key == "threads") {
      config_.run.threads = *value.as<std::int64_t>();
    } else if (setting.key == "stop_timeout_seconds") {
      config_.stop_timeout_seconds = *value.as<std::int64_t>();
    }
  }

  // An empty table stands for a component that isn't right, so that it isn't missed a second time.
  std::optional<Table> read_component(const std::string& kind) {
    const Value* given = root_.find(kind);
    if (given == nullptr) return std::nullopt;
    auto table = checker_.check_component(*given, {kind, kind, {}, Unset::fill_in});
    if (table) config_.resolved.set(kind, {*table, given->origin});
    return table ? std::move(table) : Table{};
  }

  void read_datasets() {
    const Value* given = root_.find("dataset");
    if (given == nullptr) return;
    const Table* raw = given->as<Table>();
    if (raw == nullptr || raw->find("type") != nullptr) {
      diagnostics_.error(given->origin, "wrong_type", "a dataset needs a name that says what it is for",
                         "write [dataset.train] or [dataset.validation]");
      can_match_ = false;
      return;
    }
    Table resolved;
    resolved.origin = raw->origin;
    for (const Setting& setting : raw->settings) {
      auto table =
          checker_.check_component(setting.value, {"dataset", "dataset." + setting.key, {}, Unset::fill_in});
      config_.datasets.emplace_back(setting.key, table ? *table : Table{});
      if (table) resolved.set(setting.key, {std::move(*table), setting.value.origin});
    }
    config_.resolved.set("dataset", {std::move(resolved), given->origin});
  }

  void read_model() {
    const Value* given = root_.find("model");
    if (given == nullptr) return;
    config_.model.emplace();
    const Table* raw = given->as<Table>();
    if (raw != nullptr && raw->find("from") != nullptr) {
      const auto from = read_model_from({"model", {}, given->origin}, *raw);
      if (!from) return;
      config_.model->table = from->settings;
      config_.model->from = from->reference;
      config_.model->from_origin = from->origin;
      config_.resolved.set("model", {shown(*from), given->origin});
      return;
    }
    const auto checked = checker_.check_component(*given, {"model", "model", {"from"}, Unset::fill_in});
    if (!checked) return;
    config_.model->table = *checked;
    config_.resolved.set("model", {*checked, given->origin});
  }

  // A model that comes `from` somewhere, and the keys beside it, which override its own. `input` says where
  // that stands.
  std::optional<GivenInput> read_model_from(GivenInput input, Table table) {
    const std::string where = std::exchange(input.port, "model");
    const auto from = take_setting(table, "from");
    const std::string* text = from ? from->as<std::string>() : nullptr;
    if (text == nullptr || text->empty()) {
      diagnostics_.error(
          from ? from->origin : input.origin, "wrong_type",
          where + ".from must say where the model is" + (from ? ", not " + describe(*from) : std::string()),
          "a registry version like name@best, a directory, or a .gguf file");
      return std::nullopt;
    }
    if (const Value* preset = table.find("preset")) {
      diagnostics_.error(preset->origin, "conflict",
                         where + ".preset and " + where + ".from can't stand together",
                         "a model that comes from somewhere has its shape already");
      return std::nullopt;
    }
    const ComponentPlace place{"model", where, {"from"}, Unset::leave_out};
    const bool has_type = table.find("type") != nullptr;
    auto settings = has_type ? checker_.check_component({table, input.origin}, place)
                             : checker_.check_overrides(table, place);
    if (!settings) return std::nullopt;
    return GivenInput{input.port, *text, from->origin, std::move(*settings)};
  }

  // As the resolved pipeline has it.
  static Table shown(const GivenInput& model) {
    Table table = model.settings;
    table.settings.insert(table.settings.begin(), {"from", {model.reference, model.origin}});
    return table;
  }

  void read_checkpoint() {
    const Value* given = root_.find("checkpoint");
    if (given == nullptr) return;
    ComponentPlace place{"checkpoint", "checkpoint", {}, Unset::fill_in};
    Value raw = *given;
    Table policy;
    policy.origin = given->origin;
    for (const Field& field : checkpoint_policy_fields()) {
      place.host_keys.push_back(field.key);
      Table* table = std::get_if<Table>(&raw.data);
      auto value = table != nullptr ? take_setting(*table, field.key) : std::nullopt;
      if (value) policy.set(field.key, std::move(*value));
    }
    policy = checker_.check_table(policy, checkpoint_policy_fields(), "checkpoint");
    auto format = checker_.check_component(raw, place);
    config_.checkpoint = CheckpointConfig{format ? *format : Table{}, policy};
    if (!format) return;
    format->settings.insert(format->settings.begin(), policy.settings.begin(), policy.settings.end());
    config_.resolved.set("checkpoint", {std::move(*format), given->origin});
  }

  // The items of [[name]]; a single table or a name alone counts as one.
  List items_of(const char* name) const {
    const Value* given = root_.find(name);
    if (given == nullptr) return {};
    const List* list = given->as<List>();
    return list != nullptr ? *list : List{*given};
  }

  void read_trackers() {
    List resolved;
    for (const Value& item : items_of("tracker")) {
      const std::string where = "tracker." + std::to_string(resolved.size());
      auto table = checker_.check_component(item, {"tracker", where, {}, Unset::fill_in});
      config_.trackers.push_back(table ? *table : Table{});
      resolved.push_back({config_.trackers.back(), item.origin});
    }
    if (!resolved.empty())
      config_.resolved.set("tracker", {std::move(resolved), root_.find("tracker")->origin});
  }

  void read_stages() {
    const List items = items_of("stage");
    if (items.empty()) {
      diagnostics_.error(file_origin(), "no_stage", "the pipeline has no stage, so there is nothing to run",
                         "add [[stage]] with a type; installed: " + join(descriptions_.names("stage")));
    }
    List resolved;
    for (const Value& item : items) {
      StageConfig stage;
      stage.origin = item.origin;
      resolved.push_back({read_stage(item, stage), item.origin});
      can_match_ = can_match_ && stage.description != nullptr;
      config_.stages.push_back(std::move(stage));
    }
    if (!resolved.empty()) config_.resolved.set("stage", {std::move(resolved), root_.find("stage")->origin});
  }

  // Fills in `stage`; its resolved table with the host's keys.
  Table read_stage(const Value& item, StageConfig& stage) {
    Value raw = item;
    if (item.as<std::string>() != nullptr) raw.data = Table{{}, {{"type", item}}, item.origin};
    Table* table = std::get_if<Table>(&raw.data);
    const Value* type = table != nullptr ? table->find("type") : nullptr;
    const std::string* type_name = type != nullptr ? type->as<std::string>() : nullptr;
    const std::string index = std::to_string(config_.stages.size());
    ComponentPlace place{"stage", "stage." + index, {"name"}, Unset::fill_in};
    Value name{std::string(), default_origin(item.origin)};
    if (type_name != nullptr) {
      stage.description = descriptions_.find("stage", *type_name);
      name = read_stage_name(*table, *type_name, stage.origin);
      stage.name = *name.as<std::string>();
      place.where = "stage." + stage.name;
    }
    if (stage.description != nullptr) read_given_inputs(*table, place, stage);
    auto checked = checker_.check_component(raw, place);
    if (!checked) return {};
    stage.table = *checked;
    Table whole{checked->type, {{"name", name}}, checked->origin};
    for (const GivenInput& given : stage.given) {
      const Value plain{given.reference, given.origin};
      put_setting(whole, given.port,
                  given.settings.settings.empty() ? plain : Value{shown(given), given.origin});
    }
    whole.settings.insert(whole.settings.end(), checked->settings.begin(), checked->settings.end());
    return whole;
  }

  Value read_stage_name(Table& table, const std::string& type, const Origin& origin) {
    auto given = take_setting(table, "name");
    const bool usable =
        given && given->as<std::string>() != nullptr && is_usable_name(*given->as<std::string>());
    if (given && !usable) {
      diagnostics_.error(given->origin, "bad_name", "a stage can't be called " + toml_text(*given),
                         kUsableNames);
    }
    Value name = usable ? *given : Value{type, default_origin(origin)};
    const bool taken =
        std::any_of(config_.stages.begin(), config_.stages.end(),
                    [&](const StageConfig& stage) { return stage.name == *name.as<std::string>(); });
    if (taken) {
      diagnostics_.error(usable ? name.origin : origin, "duplicate",
                         "two stages are called '" + *name.as<std::string>() + "'",
                         "give one another name = \"…\"");
    }
    return name;
  }

  void read_given_inputs(Table& table, ComponentPlace& place, StageConfig& stage) {
    for (const Port& port : stage.description->needs) {
      place.host_keys.push_back(port.name);
      const auto given = take_setting(table, port.name);
      if (!given) continue;
      const std::string* reference = given->as<std::string>();
      if (reference != nullptr && !reference->empty()) {
        stage.given.push_back({port.name, *reference, given->origin});
        continue;
      }
      const Table* overridden = port.name == "model" ? given->as<Table>() : nullptr;
      if (overridden != nullptr) {
        auto input = read_model_from({place.where + ".model", {}, given->origin}, *overridden);
        if (input) stage.given.push_back(std::move(*input));
        continue;
      }
      diagnostics_.error(
          given->origin, "wrong_type",
          place.where + "." + port.name + " must say where it comes from, not " + describe(*given),
          "\"stage:NAME\", a registry version like \"name@best\", or a path");
    }
  }

  void report_unknown_sections() {
    for (const Setting& setting : root_.settings) {
      const auto& names = section_names();
      if (std::find(names.begin(), names.end(), setting.key) != names.end()) continue;
      if (!nearest(setting.key, names).empty()) can_match_ = false;  // what is misspelt isn't missing
      const auto fields = run_fields();
      const bool is_run_key = std::any_of(fields.begin(), fields.end(),
                                          [&](const Field& field) { return field.key == setting.key; });
      diagnostics_.error(setting.value.origin, "unknown_key", "unknown table '" + setting.key + "'",
                         is_run_key ? "'" + setting.key + "' belongs in [run]"
                                    : suggestion(setting.key, names, "a pipeline has"));
    }
  }

  Origin file_origin() const { return {"file", file_.string(), 0, 0}; }

  static Origin default_origin(const Origin& near) {
    return {"default", near.file.empty() ? near.source : near.file, near.line, near.column};
  }

  const Table& root_;
  const std::filesystem::path& file_;
  const Descriptions& descriptions_;
  Diagnostics& diagnostics_;
  Checker checker_;
  PipelineConfig config_;
  bool can_match_ = true;  // whether a missing input is worth a report of its own
};

}  // namespace

const Table* PipelineConfig::dataset(std::string_view name) const {
  for (const auto& [dataset_name, table] : datasets) {
    if (dataset_name == name) return &table;
  }
  return nullptr;
}

const Table* PipelineConfig::table(std::string_view name) const {
  constexpr std::string_view kDataset = "dataset.";
  if (name.starts_with(kDataset)) return dataset(name.substr(kDataset.size()));
  if (name == "model" && model) return &model->table;
  if (name == "tokenizer" && tokenizer) return &*tokenizer;
  if (name == "optimizer" && optimizer) return &*optimizer;
  return nullptr;
}

std::optional<PipelineConfig> check_pipeline(const Table& root, const std::filesystem::path& file,
                                             const LoadOptions& options, const Descriptions& descriptions,
                                             Diagnostics& diagnostics) {
  Table changed = root;
  apply_environment(changed, options.environment, diagnostics);
  apply_sets(changed, options.sets, diagnostics);
  PipelineConfig config = PipelineReader(changed, file, options, descriptions, diagnostics).read();
  if (diagnostics.has_errors()) return std::nullopt;
  config.files = {file};
  return config;
}

std::optional<PipelineConfig> load_pipeline(const std::filesystem::path& file, const LoadOptions& options,
                                            const Descriptions& descriptions, Diagnostics& diagnostics) {
  auto document = load_document(file, diagnostics);
  if (!document) return std::nullopt;
  auto config = check_pipeline(document->root, file, options, descriptions, diagnostics);
  if (config) config->files = std::move(document->files);
  return config;
}

}  // namespace easylm
