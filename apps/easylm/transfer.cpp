// registry import, registry export: versions from elsewhere and to elsewhere.
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/transfer.h"
#include "easylm/error.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

NamedTexts tags_of(const Invocation& invocation) {
  NamedTexts tags;
  for (const std::string& tag : invocation.list("tag")) {
    const std::size_t mark = tag.find('=');
    if (mark == std::string::npos || !is_name(tag.substr(0, mark))) {
      throw Error(ErrorCode::invalid_config, "'" + tag + "' is not a tag", "write --tag key=value");
    }
    tags.emplace_back(tag.substr(0, mark), tag.substr(mark + 1));
  }
  return tags;
}

}  // namespace

int import_version(const Invocation& invocation) {
  const NamedTexts tags = tags_of(invocation);
  Session session(invocation.home);
  RunHost host = session.make_host();
  Registry registry(invocation.home, RegistryAccess::write);
  FileSystem files;
  const SavedVersion saved =
      easylm::import_version(invocation.words[0], invocation.words[1], host, registry, files);
  for (const auto& [key, value] : tags) registry.tag(saved.uri, key, value);
  std::cout << saved.uri << "\n";
  return 0;
}

int export_version(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  FileSystem files;
  const VersionDetails details = registry.details(invocation.words[0]);
  easylm::export_version(details, invocation.words[1], files);
  std::cout << invocation.words[1] << "\n";
  return 0;
}

}  // namespace easylm::app
