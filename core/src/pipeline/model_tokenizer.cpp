// Looks into the version's folder. A recorded path may be gone, or hold another tokenizer by now.
#include "pipeline/model_tokenizer.h"

#include <algorithm>
#include <optional>
#include <string>

namespace easylm {
namespace {

constexpr const char* kPathKey = "path";

bool reads_files(const Descriptions& descriptions, const Table& table) {
  const Value* type = table.find("type");
  const auto* name = type == nullptr ? nullptr : type->as<std::string>();
  const ComponentDescription* description = name == nullptr ? nullptr : descriptions.find("tokenizer", *name);
  return description != nullptr &&
         std::ranges::find(description->fields, kPathKey, &Field::key) != description->fields.end();
}

}  // namespace

Table model_tokenizer(const ModelLocation& location, const Descriptions& descriptions) {
  const Origin origin{"model", {}, 0, 0};
  const Value path{location.path.string(), origin};
  Table table;
  if (std::optional<Table> recorded = recorded_table(location.path, "tokenizer")) {
    table = *std::move(recorded);
    if (reads_files(descriptions, table)) table.set(kPathKey, path);
    return table;
  }
  table.origin = origin;
  table.set("type", {std::string("auto"), origin});
  table.set(kPathKey, path);
  return table;
}

}  // namespace easylm
