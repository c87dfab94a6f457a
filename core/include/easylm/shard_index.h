// The index of weights that lie in several files, STEM.safetensors.index.json for example: which file holds
// each tensor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

using WeightMap = std::map<std::string, std::string>;  // tensor to file name

// Throws Error{corrupt} that begins with `where`, also for a file name that leaves the folder.
EASYLM_API WeightMap parse_index(std::string_view text, std::string_view where);

// One of the files that an index names, and the tensors that it puts there.
struct Shard {
  std::filesystem::path file;
  std::set<std::string> tensors;
};

// The files of the index at `path`, sorted by name. Throws as parse_index() does, and Error{not_found} for
// one that isn't there.
EASYLM_API std::vector<Shard> read_shards(const std::filesystem::path& path);

EASYLM_API std::string index_text(const WeightMap& files, std::int64_t total_bytes);

}  // namespace easylm
