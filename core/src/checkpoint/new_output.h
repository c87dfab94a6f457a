// What a command writes: it comes whole and under its name, or not at all.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "easylm/export.h"
#include "platform/files.h"

namespace easylm {

// A temporary folder beside `to`, which becomes `to` with commit() and is gone otherwise. It is locked; what
// dead processes left under such a name is removed.
class EASYLM_API NewOutput {
 public:
  // Makes the folders above `to` that are missing. Throws Error if they can't be made, if something is at
  // `to`, or if it lies within one of `sources`, which it is made from (folders, or files).
  NewOutput(const std::filesystem::path& to, const std::vector<std::filesystem::path>& sources,
            FileSystem& files);
  ~NewOutput();
  NewOutput(const NewOutput&) = delete;
  NewOutput& operator=(const NewOutput&) = delete;

  const std::filesystem::path& folder() const { return temporary_; }

  // What `to` will be: the one file in the folder, if `to` ends as that does; else the folder. Throws
  // Error{invalid_config} if `to` ends as one of several files does.
  std::filesystem::path content();

  // Syncs everything and gives it its name. Throws Error{io}; then nothing lies at `to`.
  void commit();

 private:
  std::filesystem::path to_, parent_, temporary_;
  FileSystem& files_;
  std::optional<FolderLock> lock_;
};

}  // namespace easylm
