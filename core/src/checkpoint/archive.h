// A version as one tar file that verifies itself, and back.
//
// The same files give the same bytes: entries sorted, owner root, time zero. SHA256SUMS is the first entry,
// so that `sha256sum -c SHA256SUMS` passes where it was unpacked.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "platform/files.h"
#include "registry/registry.h"

namespace easylm {

inline constexpr std::string_view kSumsPath = "SHA256SUMS";

// Whether `path` names a tar file rather than a folder.
EASYLM_API bool is_archive(const std::filesystem::path& path);

// One line a file, as sha256sum writes it.
EASYLM_API std::string sums_text(const std::vector<FileFacts>& facts);

// Writes `file`, which must not exist yet, with the files of `folder` that `facts` names. Throws Error{io},
// or Error{corrupt} if a file isn't what `facts` says.
EASYLM_API void write_archive(const std::filesystem::path& file, const std::filesystem::path& folder,
                              const std::vector<FileFacts>& facts);

// Reads it from front to back and compares with `facts`. Throws Error{corrupt} that names the entry.
EASYLM_API void check_archive(const std::filesystem::path& file, const std::vector<FileFacts>& facts);

// Unpacks into `folder`, which is empty. Trusts nothing: Error{corrupt} for a name that is absolute, leaves
// the folder, or comes twice, for anything that is neither file nor folder, for an entry that claims more
// bytes than the archive has, and for a file that isn't what SHA256SUMS says, if there is one.
EASYLM_API void unpack_archive(const std::filesystem::path& file, const std::filesystem::path& folder,
                               FileSystem& files);

}  // namespace easylm
