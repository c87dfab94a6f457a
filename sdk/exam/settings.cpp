// Looks for a component in a resolved pipeline.
#include "settings.h"

#include <filesystem>
#include <optional>

#include "config/checker.h"
#include "config/diagnostics.h"
#include "easylm/error.h"

namespace easylm::exam {
namespace {

class Search {
 public:
  Search(std::string_view kind, std::string_view name, const Catalogue& catalogue)
      : kind_(kind), name_(name), catalogue_(catalogue) {}

  // In a component's table, and in those nested in it.
  const Table* in_component(std::string_view kind, const Table& table) const {
    if (kind == kind_ && table.type == name_) return &table;
    const ComponentDescription* description = catalogue_.find(kind, table.type);
    return description == nullptr ? nullptr : in_settings(description->fields, table);
  }

  const Table* in_pipeline(const PipelineConfig& pipeline) const {
    std::vector<std::pair<std::string_view, const Table*>> tables;
    if (pipeline.tokenizer) tables.emplace_back("tokenizer", &*pipeline.tokenizer);
    for (const auto& [name, table] : pipeline.datasets) tables.emplace_back("dataset", &table);
    if (pipeline.model) tables.emplace_back("model", &pipeline.model->table);
    if (pipeline.optimizer) tables.emplace_back("optimizer", &*pipeline.optimizer);
    if (pipeline.checkpoint) tables.emplace_back("checkpoint", &pipeline.checkpoint->format);
    for (const Table& table : pipeline.trackers) tables.emplace_back("tracker", &table);
    for (const StageConfig& stage : pipeline.stages) tables.emplace_back("stage", &stage.table);
    for (const auto& [kind, table] : tables) {
      if (const Table* found = in_component(kind, *table)) return found;
    }
    return nullptr;
  }

 private:
  const Table* in_settings(const std::vector<Field>& fields, const Table& table) const {
    for (const Field& field : fields) {
      const Value* value = table.find(field.key);
      const Table* inner = value == nullptr ? nullptr : value->as<Table>();
      if (inner == nullptr) continue;
      const Table* found = nullptr;
      if (field.type == FieldType::component) found = in_component(field.component_kind, *inner);
      if (field.type == FieldType::table) found = in_settings(field.fields, *inner);
      if (field.type == FieldType::tables) found = in_named_tables(field.fields, *inner);
      if (found != nullptr) return found;
    }
    return nullptr;
  }

  const Table* in_named_tables(const std::vector<Field>& fields, const Table& tables) const {
    for (const Setting& entry : tables.settings) {
      const Table* inner = entry.value.as<Table>();
      const Table* found = inner == nullptr ? nullptr : in_settings(fields, *inner);
      if (found != nullptr) return found;
    }
    return nullptr;
  }

  std::string_view kind_, name_;
  const Catalogue& catalogue_;
};

}  // namespace

Table settings_of(std::string_view kind, std::string_view name, const PipelineConfig* pipeline,
                  const Catalogue& catalogue) {
  if (pipeline != nullptr) {
    if (const Table* found = Search(kind, name, catalogue).in_pipeline(*pipeline)) return *found;
  }
  Table bare;
  bare.type = name;
  Diagnostics diagnostics;
  Checker checker(catalogue, std::filesystem::current_path(), diagnostics);
  const std::string where(kind);
  std::optional<Table> table = checker.check_component(Value{bare, {}}, {where, where, {}, Unset::fill_in});
  if (table && !diagnostics.has_errors()) return std::move(*table);
  throw Error(ErrorCode::invalid_config,
              "it can't be examined with its defaults alone:\n" + diagnostics.text(),
              "give --pipeline FILE.toml, a pipeline in which a " + where + " '" + std::string(name) +
                  "' has its settings");
}

}  // namespace easylm::exam
