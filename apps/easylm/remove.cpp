// registry rm, registry gc: what goes, after it was made sure that nobody needs it.
#include <iostream>
#include <string>
#include <vector>

#include "checkpoint/removal.h"
#include "easylm/error.h"
#include "registry/report.h"
#include "verb.h"

namespace easylm::app {
namespace {

void warn(const Error& error) {
  std::cerr << "warning: " << error.message() << "\n";
  if (!error.hint().empty()) std::cerr << "hint: " << error.hint() << "\n";
}

// A dry run needs no more than to read.
RegistryAccess access_for(const Invocation& invocation) {
  return invocation.has("dry-run") ? RegistryAccess::read : RegistryAccess::write;
}

}  // namespace

// All or nothing, as far as can be known before: a version that can't go keeps the others from going.
int remove_versions(const Invocation& invocation) {
  Registry registry(invocation.home, access_for(invocation));
  FileSystem files;
  std::vector<VersionRecord> versions;
  for (const std::string& reference : invocation.words) {
    versions.push_back(registry.resolve(reference));
    const std::string reason = reason_to_keep(versions.back(), registry, files);
    if (!reason.empty()) {
      throw Error(ErrorCode::unsupported, versions.back().uri() + " can't be removed: " + reason,
                  "nothing was removed; easylm registry show " + versions.back().uri() + " says more");
    }
  }
  for (const VersionRecord& version : versions) {
    if (invocation.has("dry-run")) {
      std::cout << "would remove " << version.uri() << " (" << bytes_text(version.bytes) << ")\n";
      continue;
    }
    const RemovedVersion removed = remove_version(version.uri(), registry, files, warn);
    std::cout << "removed " << removed.uri << " (" << bytes_text(removed.bytes) << ")\n";
  }
  return 0;
}

int collect_garbage(const Invocation& invocation) {
  GarbageOptions options;
  options.mode = invocation.has("dry-run") ? GarbageMode::look : GarbageMode::remove;
  options.warn = warn;
  options.keep_name = invocation.text("name");
  if (invocation.has("name") != invocation.has("keep-last")) {
    throw Error(ErrorCode::invalid_config, "--keep-last and --name belong together",
                "for example --keep-last 3 --name shakespeare");
  }
  if (invocation.has("keep-last")) options.keep_last = invocation.integer("keep-last");
  if (invocation.has("keep-last") && options.keep_last < 1) {
    throw Error(ErrorCode::invalid_config, "--keep-last must keep at least one version",
                "easylm registry rm removes single versions");
  }
  Registry registry(invocation.home, access_for(invocation));
  FileSystem files;
  const GarbageReport report = easylm::collect_garbage(options, registry, files);
  std::cout << (invocation.has("json") ? garbage_json(report, options.mode)
                                       : garbage_text(report, options.mode));
  return report.lost.empty() ? 0 : 1;
}

}  // namespace easylm::app
