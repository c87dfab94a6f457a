// plugins new: a project for a new plugin, and the commands that build and examine it.
#include <iostream>
#include <string>

#include "plugin/scaffold.h"
#include "plugin/search_path.h"
#include "verb.h"

namespace easylm::app {
namespace {

// Where this very program is installed; empty if CMake looks there by itself, or if this is no installation.
std::filesystem::path prefix_for_cmake(const std::filesystem::path& prefix) {
  const bool is_installed = std::filesystem::exists(prefix / "lib/cmake/EasyLM/EasyLMConfig.cmake");
  return is_installed && prefix != "/usr" && prefix != "/usr/local" ? prefix : std::filesystem::path{};
}

}  // namespace

int new_plugin(const Invocation& invocation) {
  const std::filesystem::path prefix = SearchPlaces::of_process().executable.parent_path().parent_path();
  ScaffoldRequest request;
  request.kind = invocation.words[0];
  request.name = invocation.words[1];
  request.folder = invocation.words.size() > 2 ? invocation.words[2] : request.name;
  request.templates = prefix / "share/easylm/templates";
  request.prefix = prefix_for_cmake(prefix);
  const std::vector<std::string> files = make_scaffold(request);
  std::cout << "Made in " << request.folder.string() << "/:";
  for (const std::string& file : files) std::cout << " " << file;
  std::cout << "\n\nNext:\n  cd " << request.folder.string()
            << "\n  cmake -B build -DCMAKE_BUILD_TYPE=Release"
            << (request.prefix.empty() ? "" : " -DCMAKE_PREFIX_PATH=" + request.prefix.string())
            << "\n  cmake --build build\n  ctest --test-dir build --output-on-failure\n";
  if (!std::filesystem::exists(prefix / "lib/cmake/EasyLM/EasyLMConfig.cmake")) {
    std::cout
        << "\nThis EasyLM is not installed; plugins are built against one that is: make install PREFIX=…\n";
  }
  return 0;
}

}  // namespace easylm::app
