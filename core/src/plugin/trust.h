// Whether the file system lets anyone but us change what we are about to run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// Why someone else could change the file at `path` or put another in its place: a sentence for each part of
// the path that isn't owned by root or by us, or that others may write to; empty if none. A sticky folder,
// and a group that has its owner as its only member, are safe. REQUIRES: `path` is absolute and free of
// symbolic links.
EASYLM_API std::vector<std::string> trust_problems(const std::filesystem::path& path);

}  // namespace easylm
