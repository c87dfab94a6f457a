// Loads plugins into this process: now, locally, by absolute path, and for good.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "easylm/registrar.h"
#include "plugin/inspect.h"

namespace easylm {

struct EASYLM_API LoadedPlugin {
  std::filesystem::path file;
  PluginManifest manifest;
  std::vector<ComponentFactory> factories;  // as the plugin registered them

  const ComponentFactory* find(std::string_view kind, std::string_view name) const;  // null if absent
};

// Runs the plugin's code: static constructors, then registration. The result lives until the process ends,
// and so does the library; a second call for the same file gives the same one. Throws Error{plugin} that
// names the file. A locked plugin is loaded from a copy in memory whose SHA-256 is the lock's, and which
// nobody can change. REQUIRES: plugin.reasons is empty. [any-thread]
EASYLM_API const LoadedPlugin& load_plugin(const InspectedPlugin& plugin);

}  // namespace easylm
