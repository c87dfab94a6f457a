// Where plugins are looked for: folders, and single files. Never the current directory.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// What the search path is made of.
struct SearchPlaces {
  std::filesystem::path executable;  // absolute
  std::string plugin_path;           // EASYLM_PLUGIN_PATH: folders, separated by colons
  std::string data_home;             // XDG_DATA_HOME
  std::string home;                  // HOME

  // Those of this process. A set-user-id program sees no variables.
  EASYLM_API static SearchPlaces of_process();
};

struct SearchPath {
  std::vector<std::filesystem::path> folders;  // absolute, in order; they need not exist
  std::vector<std::string> warnings;           // entries that were ignored, and why
  std::vector<std::filesystem::path> files;    // absolute; single plugins, found before those of any folder
};

// The bundled plugins beside the program, then EASYLM_PLUGIN_PATH, then the user's own. Entries that are
// empty or relative would mean the current directory: they are ignored, with a warning.
EASYLM_API SearchPath search_path(const SearchPlaces& places);

}  // namespace easylm
