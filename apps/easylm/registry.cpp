// registry list, registry show, registry path.
#include <cstdint>
#include <iostream>

#include "easylm/error.h"
#include "registry/curves.h"
#include "registry/registry.h"
#include "registry/report.h"
#include "verb.h"

namespace easylm::app {
namespace {

constexpr std::int64_t kFitsAScreen = 50;

}  // namespace

// Scripts get everything unless they say otherwise: a list that silently ends is a mistake in waiting.
std::int64_t most_versions(const Invocation& invocation) {
  if (invocation.has("all")) return 0;
  if (!invocation.has("limit")) return invocation.has("json") ? 0 : kFitsAScreen;
  const auto limit = invocation.integer("limit");
  if (limit > 0) return limit;
  throw Error(ErrorCode::invalid_config, "--limit takes a number above 0", "--all shows everything");
}

void say_how_many_more(std::int64_t shown, std::int64_t found) {
  if (shown >= found) return;
  std::cerr << found - shown << " more versions are not shown: --all shows them, --limit N other numbers\n";
}

int list_versions(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  VersionFilter filter;
  if (!invocation.words.empty()) filter.name = invocation.words.front();
  filter.limit = most_versions(invocation);
  const auto versions = registry.list(filter);
  std::cout << (invocation.has("json") ? list_json(versions) : list_text(versions));
  if (!invocation.has("json") && filter.limit != 0) {
    say_how_many_more(static_cast<std::int64_t>(versions.size()), registry.count(filter));
  }
  return 0;
}

int show_version(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  const std::string& reference = invocation.words.front();
  if (invocation.has("metrics")) {
    const VersionCurves curves = registry.curves(reference);
    std::cout << (invocation.has("json") ? curves_json(curves) : curves_text(curves));
    return 0;
  }
  const VersionDetails details = registry.details(reference);
  std::cout << (invocation.has("json") ? show_json(details) : show_text(details));
  return 0;
}

int show_path(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  std::cout << registry.resolve(invocation.words.front()).path.string() << "\n";
  return 0;
}

}  // namespace easylm::app
