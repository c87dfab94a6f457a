// Makes and removes temporary folders.
#include "platform/scratch_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "easylm/error.h"

namespace easylm {

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path ScratchFolder::make_for_good() {
  std::string pattern = (std::filesystem::temp_directory_path() / "easylm-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    throw Error(ErrorCode::io, "can't make a temporary folder " + pattern + ": " + std::strerror(errno),
                "set TMPDIR to a folder with room");
  }
  return pattern;
}

}  // namespace easylm
