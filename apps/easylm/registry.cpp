// registry list, registry show, registry path.
#include <iostream>

#include "registry/registry.h"
#include "registry/report.h"
#include "verb.h"

namespace easylm::app {

int list_versions(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  VersionFilter filter;
  if (!invocation.words.empty()) filter.name = invocation.words.front();
  const auto versions = registry.list(filter);
  std::cout << (invocation.has("json") ? list_json(versions) : list_text(versions));
  return 0;
}

int show_version(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  const VersionDetails details = registry.details(invocation.words.front());
  std::cout << (invocation.has("json") ? show_json(details) : show_text(details));
  return 0;
}

int show_path(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  std::cout << registry.resolve(invocation.words.front()).path.string() << "\n";
  return 0;
}

}  // namespace easylm::app
