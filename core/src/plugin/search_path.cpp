// Builds the list of plugin folders from the program's place and the environment.
#include "plugin/search_path.h"

#include <cstdlib>
#include <string_view>
#include <system_error>

namespace easylm {
namespace {

std::string variable(const char* name) {
  const char* value = secure_getenv(name);
  return value != nullptr ? value : "";
}

void add_plugin_path(std::string_view text, SearchPath& result) {
  while (!text.empty()) {
    const std::size_t end = text.find(':');
    const std::filesystem::path folder(text.substr(0, end));
    const bool is_last = end == text.npos;
    text.remove_prefix(is_last ? text.size() : end + 1);
    std::error_code failure;
    if (!folder.is_absolute()) {
      result.warnings.push_back("EASYLM_PLUGIN_PATH: ignored '" + folder.string() +
                                "': only absolute folders are searched");
    } else if (!std::filesystem::is_directory(folder, failure)) {
      result.warnings.push_back("EASYLM_PLUGIN_PATH: '" + folder.string() + "' is not a folder");
    } else {
      result.folders.push_back(folder);
    }
  }
}

}  // namespace

SearchPlaces SearchPlaces::of_process() {
  std::error_code failure;
  return {std::filesystem::read_symlink("/proc/self/exe", failure), variable("EASYLM_PLUGIN_PATH"),
          variable("XDG_DATA_HOME"), variable("HOME")};
}

SearchPath search_path(const SearchPlaces& places) {
  SearchPath result;
  if (places.executable.is_absolute()) {
    result.folders.push_back(places.executable.parent_path().parent_path() / "lib/easylm/plugins");
  }
  add_plugin_path(places.plugin_path, result);
  std::filesystem::path data(places.data_home);
  if (!data.empty() && !data.is_absolute()) {
    result.warnings.push_back("XDG_DATA_HOME: ignored '" + places.data_home + "': it must be absolute");
    data.clear();
  }
  const std::filesystem::path home(places.home);
  if (data.empty() && home.is_absolute()) data = home / ".local/share";
  if (!data.empty()) result.folders.push_back(data / "easylm/plugins");
  return result;
}

}  // namespace easylm
