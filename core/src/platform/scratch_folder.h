// A folder that nobody else sees, gone when its owner is.
#pragma once

#include <filesystem>

#include "easylm/export.h"

namespace easylm {

class EASYLM_API ScratchFolder {
 public:
  ScratchFolder() : path_(make_for_good()) {}  // Throws Error{io}.
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // A new one in the system's folder for temporary files, which stays. Throws Error{io}.
  static std::filesystem::path make_for_good();

 private:
  std::filesystem::path path_;
};

}  // namespace easylm
