// Reads a pipeline once for all its variants.
#include "bench_pipeline.h"

#include <unistd.h>

#include <utility>

#include "config/document.h"
#include "config/overrides.h"

namespace easylm::app {

std::optional<Table> read_pipeline(const std::filesystem::path& file, const std::vector<std::string>& sets,
                                   Diagnostics& diagnostics) {
  std::optional<LoadedDocument> document = load_document(file, diagnostics);
  if (!document) return std::nullopt;
  const std::vector<NamedText> environment = config_environment();
  apply_environment(document->root, environment, diagnostics);
  for (const auto& [name, text] : environment) ::unsetenv(name.c_str());
  apply_sets(document->root, sets, diagnostics);
  return diagnostics.has_errors() ? std::nullopt : std::optional(std::move(document->root));
}

std::string run_name_of(const Table& root, const std::filesystem::path& file) {
  const Value* run = root.find("run");
  const Table* table = run == nullptr ? nullptr : run->as<Table>();
  const Value* name = table == nullptr ? nullptr : table->find("name");
  const auto* text = name == nullptr ? nullptr : name->as<std::string>();
  return text == nullptr ? file.stem().string() : *text;
}

}  // namespace easylm::app
