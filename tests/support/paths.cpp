// The one file that is compiled with them, so that compiler caches serve every checkout with all others.
#include "support/paths.h"

namespace easylm::testing {

const std::filesystem::path& source_folder() {
  static const std::filesystem::path folder = EASYLM_SOURCE_DIR;
  return folder;
}

const std::filesystem::path& build_folder() {
  static const std::filesystem::path folder = EASYLM_BUILD_DIR;
  return folder;
}

}  // namespace easylm::testing
