// Sizes and checksums of what was written.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "easylm/checkpoint_format.h"
#include "easylm/export.h"
#include "platform/files.h"

namespace easylm {

// Of one file, which the facts call `path`. Holds two pieces of it in memory.
EASYLM_API FileFacts measure_file(FileSystem& files, const std::filesystem::path& file,
                                  const std::string& path);

// Of every file in `folder`, by path, and of no folder. Throws Error{unsupported} for a link or a device:
// only files and folders can be made durable.
EASYLM_API std::vector<FileFacts> measure_folder(FileSystem& files, const std::filesystem::path& folder);

// The same with the checksums of tensors, for files in which `format` finds some. Throws what opening one
// throws, too.
EASYLM_API std::vector<FileFacts> measure_version(FileSystem& files, const CheckpointFormat& format,
                                                  const std::filesystem::path& folder);

EASYLM_API std::vector<TensorFacts> tensor_facts(const TensorReader& reader);

}  // namespace easylm
