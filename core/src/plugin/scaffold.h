// A new plugin's project, made from the SDK's templates: it builds, passes its exam and does something from
// the start.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "easylm/export.h"

namespace easylm {

struct ScaffoldRequest {
  std::string kind;                 // "optimizer"
  std::string name;                 // "lion": how configs will call it
  std::filesystem::path folder;     // where the project goes; must not exist, or be empty
  std::filesystem::path templates;  // the SDK's: a folder for each kind
  std::filesystem::path
      prefix;  // of EasyLM's installation, for the commands in the README; empty: found anyway
};

// The kinds that there are templates for, sorted. Throws Error{not_found} if there are no templates.
EASYLM_API std::vector<std::string> scaffold_kinds(const std::filesystem::path& templates);

// The files that were made, relative to the folder. Throws Error{invalid_config} for a kind or a name that
// can't be, Error{io} if a file can't be written or the folder holds something.
EASYLM_API std::vector<std::string> make_scaffold(const ScaffoldRequest& request);

}  // namespace easylm
