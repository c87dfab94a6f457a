// What must hold of a home, whatever happened to the processes that wrote it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/verify.h"

namespace easylm::testing {

// Sentences on what is lost or damaged: a registered version that is not whole, to the SHA-256, or an
// acknowledged one that is gone although no newer one replaced it. Empty: the promise was kept.
inline std::vector<std::string> broken_promises(const std::filesystem::path& home,
                                                std::int64_t last_acknowledged) {
  std::vector<std::string> broken;
  FileSystem files;
  const Registry registry(home, RegistryAccess::read);
  Verifier verifier(registry, files, VerifyDepth::full, [](const std::string&) { return nullptr; });
  for (const Finding& finding : verifier.verify_all().findings) {
    broken.push_back(finding.version + ": " + finding.message);
  }
  std::int64_t newest = 0;
  for (const VersionRecord& version : registry.list()) newest = std::max(newest, version.number);
  if (newest < last_acknowledged) {
    broken.push_back("version " + std::to_string(last_acknowledged) +
                     " was acknowledged, and the newest is " + std::to_string(newest));
  }
  return broken;
}

}  // namespace easylm::testing
