// Everything that can be known of a plugin from its file, without running any of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "easylm/registrar.h"
#include "plugin/manifest.h"

namespace easylm {

enum class Trust {
  checked,    // nobody but root and us may be able to change the file
  own_build,  // a build that runs what it made a moment ago
};

// Which file it was, so that another one put in its place is noticed.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};

struct EASYLM_API InspectedPlugin {
  std::filesystem::path file;  // absolute, without symbolic links where the file exists
  FileIdentity identity;
  std::optional<PluginManifest> manifest;  // none if it can't be read
  // What the build embedded (docs/decisions/0002); none if there is nothing, and an empty list if
  // it can't be read, which is a reason.
  std::optional<std::vector<ComponentDescription>> components;
  std::vector<std::string> reasons;  // why it is refused, all at once; empty if it may be loaded
};

// Reads the file at `path`, which may be anything. Never throws for what it finds: that becomes a reason.
EASYLM_API InspectedPlugin inspect_plugin(const std::filesystem::path& path, Trust trust);

// The identity of what lies at `path` now; none if nothing does.
EASYLM_API std::optional<FileIdentity> identity_of(const std::filesystem::path& path);

}  // namespace easylm
