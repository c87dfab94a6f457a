// Versions from elsewhere and to elsewhere: import takes copies, export gives them.
#pragma once

#include <filesystem>
#include <string>

#include "easylm/checkpoints.h"
#include "easylm/export.h"
#include "easylm/host.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {

// Makes a version under `name` of what lies in `from`: a Hugging Face directory, a folder of a version, or a
// tar file of one. Copied, never moved. What a version's manifest says of step, tokens, data, stage and
// pieces is kept, after each file was compared with it; what begins with a dot is left out; links to files
// are followed, as Hugging Face's cache has them. Throws Error; then there is no version.
EASYLM_API SavedVersion import_version(const std::filesystem::path& from, const std::string& name, Host& host,
                                       Registry& registry, FileSystem& files);

// Copies a version to `to`, a folder or a .tar file, which must not exist. When it returns, what lies there
// is on disk, under its name, and was read back and compared. Throws Error; then nothing lies there.
EASYLM_API void export_version(const VersionDetails& version, const std::filesystem::path& to,
                               FileSystem& files);

}  // namespace easylm
