// Where a model that somebody named lies: a registry version, a folder, or a file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

struct ModelLocation {
  std::filesystem::path path;  // absolute; exists
  std::string uri;             // "shakespeare:3" if it is a version of the registry, else empty
};

// `reference` is "name", "name:3", "name@best", a folder or a file. What is both in the registry and on disk
// is taken from the registry; "./name" means the folder. Throws Error{not_found} that says where was looked.
EASYLM_API ModelLocation locate_model(const std::string& reference, const std::filesystem::path& home);

// A table of the pipeline that made the version in `folder`, as it stood in its file: "tokenizer", for
// example. None if the folder doesn't say.
EASYLM_API std::optional<Table> recorded_table(const std::filesystem::path& folder, const std::string& name);

}  // namespace easylm
