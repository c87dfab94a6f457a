// registry lineage, registry compare, registry plot.
#include <array>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "easylm/chart.h"
#include "easylm/error.h"
#include "registry/comparison.h"
#include "registry/curves.h"
#include "registry/lineage.h"
#include "registry/plot.h"
#include "registry/registry.h"
#include "text_file.h"
#include "verb.h"

namespace easylm::app {

int show_lineage(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  const Lineage lineage = registry.lineage(invocation.words.front());
  std::cout << (invocation.has("json") ? lineage_json(lineage) : lineage_text(lineage));
  return 0;
}

int compare_versions(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  const VersionDetails a = registry.details(invocation.words[0]);
  const VersionDetails b = registry.details(invocation.words[1]);
  std::cout << (invocation.has("json") ? comparison_json(a, b) : comparison_text(a, b));
  return 0;
}

int plot_versions(const Invocation& invocation) {
  const Registry registry(invocation.home, RegistryAccess::read);
  std::vector<VersionCurves> versions;
  for (const std::string& reference : invocation.words) versions.push_back(registry.curves(reference));
  const std::string svg = chart_svg(std::array{chart_of(versions, invocation.text("metric", "loss"))});
  if (!invocation.has("output")) {
    std::cout << svg;
    return 0;
  }
  const std::filesystem::path file = invocation.text("output");
  write_text(file, svg);
  std::cerr << "wrote " << file.string() << "\n";
  return 0;
}

}  // namespace easylm::app
