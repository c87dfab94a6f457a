// Tells registry versions from folders and files.
#include "pipeline/model_reference.h"

#include <optional>
#include <system_error>

#include "checkpoint/policy.h"
#include "config/document.h"
#include "easylm/error.h"
#include "registry/reference.h"
#include "registry/registry.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

bool looks_like_path(const std::string& text) {
  return text.starts_with('/') || text.starts_with("./") || text.starts_with("../") || text == "." ||
         text == "..";
}

ModelLocation on_disk(const fs::path& path) { return {fs::absolute(path).lexically_normal(), {}}; }

}  // namespace

ModelLocation locate_model(const std::string& reference, const fs::path& home) {
  std::error_code ignored;
  const bool exists = fs::exists(reference, ignored);
  const std::optional<Reference> parsed =
      looks_like_path(reference) ? std::nullopt : try_parse_reference(reference);
  if (!parsed) {
    if (exists) return on_disk(reference);
    throw Error(ErrorCode::not_found, "there is no model at " + reference,
                "name a folder, a file, or a version such as shakespeare@latest (easylm registry list)");
  }
  try {
    const VersionRecord version = Registry(home, RegistryAccess::read).resolve(reference);
    return {version.path, version.uri()};
  } catch (const Error& e) {
    if (e.code() != ErrorCode::not_found) throw;
    if (exists) return on_disk(reference);
    throw Error(e.code(), e.message() + ", and there is no such file or folder either", e.hint());
  }
}

std::optional<Table> recorded_table(const fs::path& folder, const std::string& name) {
  const fs::path file = folder / kPipelinePath;
  FileSystem files;
  if (!files.exists(file)) return std::nullopt;
  Diagnostics diagnostics;
  const std::optional<Table> root =
      parse_document(files.read_file(file, kMaxDocumentBytes), file.string(), diagnostics);
  if (!root)
    throw Error(ErrorCode::corrupt, diagnostics.text(), "the version's folder was changed; verify it");
  const Value* value = root->find(name);
  const Table* table = value == nullptr ? nullptr : value->as<Table>();
  return table == nullptr ? std::nullopt : std::optional<Table>(*table);
}

}  // namespace easylm
