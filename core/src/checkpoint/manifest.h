// easylm/manifest.json: what a version's folder holds, file by file, and what made it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {

inline constexpr std::string_view kManifestPath = "easylm/manifest.json";
inline constexpr std::int64_t kManifestRevision = 1;

// A piece that the version was made with: {"model", "llama", "1"}.
struct MadeWith {
  std::string kind;
  std::string id;
  std::string revision;  // of its format: another one can't be read
};

struct VersionManifest {
  std::string name, run, stage, created_at, dataset;
  std::int64_t step = 0, tokens = 0;
  std::vector<MadeWith> made_with;
  std::vector<FileFacts> files;  // every file but the manifest, by path

  // Throws Error{unsupported} that names both, if the version was made with another `kind` than this one. A
  // kind that the manifest doesn't name is accepted.
  EASYLM_API void require(const MadeWith& needed) const;
};

// Whether a path within a folder stays there: no root, no "..", no empty part.
EASYLM_API bool stays_inside(const std::string& path);

// Writes it into `folder`, which has none yet, and returns its own facts.
EASYLM_API FileFacts write_manifest(FileSystem& files, const std::filesystem::path& folder,
                                    const VersionManifest& manifest);

// Reads a version's manifest. Throws like open_manifest.
EASYLM_API VersionManifest read_manifest(FileSystem& files, const std::filesystem::path& folder);

// The same, and checks that every file is there with its size. Throws Error{corrupt} that
// names the file, Error{unsupported} for a manifest of a newer EasyLM.
EASYLM_API VersionManifest open_manifest(FileSystem& files, const std::filesystem::path& folder);

}  // namespace easylm
