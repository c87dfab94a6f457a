// Removes what nobody will finish: temporary folders of dead processes, folders of versions without a row.
//
// docs/checkpoints.md says what a crash leaves, and why it may be removed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/error.h"
#include "easylm/export.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {

// step-100.tmp-4711: being written by process 4711.
inline constexpr std::string_view kTemporaryMark = ".tmp-";

struct Orphan {
  std::filesystem::path path;
  std::int64_t bytes = 0;
  std::string why;
};

// What a sweep would remove now, under one name; removes nothing.
EASYLM_API std::vector<Orphan> find_orphans(const std::string& name, const Registry& registry,
                                            FileSystem& files);

// Sweeps the folder of one name's versions, and says what it removed. `registry` is open for writing. What
// can't be removed is told to `warn` and left for the next time.
EASYLM_API std::vector<Orphan> sweep_orphans(const std::string& name, Registry& registry, FileSystem& files,
                                             const std::function<void(const Error&)>& warn);

// Names that have a folder for their versions or a row, sorted.
EASYLM_API std::vector<std::string> names_on_disk(const Registry& registry, FileSystem& files);

// Bytes of the files in a folder, as far as they can be seen.
EASYLM_API std::int64_t bytes_in(const std::filesystem::path& folder);

}  // namespace easylm
