// Everything that can be known of a plugin from its file, without running any of it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "easylm/registrar.h"
#include "plugin/lock.h"
#include "plugin/manifest.h"
#include "plugin/plugin_file.h"

namespace easylm {

enum class Trust {
  checked,    // nobody but root and us may be able to change the file
  own_build,  // a build that runs what it made a moment ago
};

struct EASYLM_API InspectedPlugin {
  std::filesystem::path file;  // absolute, without symbolic links where the file exists
  FileIdentity identity;
  std::optional<PluginManifest> manifest;  // none if it can't be read
  // What the build embedded (docs/decisions/0002); none if there is nothing, and an empty list if
  // it can't be read, which is a reason.
  std::optional<std::vector<ComponentDescription>> components;
  std::optional<LockedPlugin> locked;  // what its file must be when it is loaded; none if nothing is locked
  std::vector<std::string> reasons;    // why it is refused, all at once; empty if it may be loaded
};

// Reads the file at `path`, which may be anything. Never throws for what it finds: that becomes a reason.
EASYLM_API InspectedPlugin inspect_plugin(const std::filesystem::path& path, Trust trust);

}  // namespace easylm
