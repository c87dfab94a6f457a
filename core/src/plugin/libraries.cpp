// Finds the library's name in the system's words, and the folders in the plugin's file.
#include "plugin/libraries.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "easylm/error.h"
#include "plugin/elf_file.h"

namespace easylm {
namespace {

constexpr std::string_view kOrigin = "ORIGIN";

// As the system's loader understands them: $ORIGIN is the plugin's own folder.
std::string expanded(std::string folder, const std::filesystem::path& origin) {
  for (const std::string& word : {"${" + std::string(kOrigin) + "}", "$" + std::string(kOrigin)}) {
    for (std::size_t at = folder.find(word); at != folder.npos; at = folder.find(word, at)) {
      folder.replace(at, word.size(), origin.string());
      at += origin.string().size();
    }
  }
  return folder;
}

std::string run_path_of(const std::filesystem::path& file) {
  try {
    const PluginFile open(file);
    return ElfFile(open).run_path();
  } catch (const Error&) {
    return {};  // it was readable a moment ago; what is said then is just less
  }
}

std::vector<std::string> folders_of(std::string_view run_path, const std::filesystem::path& origin) {
  std::vector<std::string> folders;
  while (!run_path.empty()) {
    const std::size_t end = std::min(run_path.find(':'), run_path.size());
    const std::string folder = expanded(std::string(run_path.substr(0, end)), origin);
    run_path.remove_prefix(std::min(end + 1, run_path.size()));
    if (!folder.empty() && std::ranges::count(folders, folder) == 0) folders.push_back(folder);
  }
  return folders;
}

std::string remedy_of(const InspectedPlugin& plugin, std::string_view library, std::string_view run_path) {
  const std::string name(library);
  if (library.starts_with("libeasylm_")) {
    return "build the plugin again with this EasyLM, or put " + name + " where it is looked for";
  }
  if (plugin.locked && run_path.find(kOrigin) != run_path.npos) {
    return "a locked plugin isn't loaded from its own folder, so $ORIGIN in its RUNPATH leads nowhere: build "
           "it "
           "with absolute folders there, or take the lock away";
  }
  const std::filesystem::path libraries = tensor_library().parent_path();
  const std::filesystem::path fetch = libraries.parent_path() / "share/easylm/fetch_libraries.sh";
  const bool is_bundled = plugin.file.parent_path() == libraries / "easylm/plugins";
  if ((is_bundled || plugin.manifest->torch != "none") && std::filesystem::exists(fetch)) {
    return "run " + fetch.string() + ": it fetches LibTorch and Arrow into this installation";
  }
  if (plugin.manifest->torch != "none") {
    return "run ./setup.sh in the checkout that this EasyLM was built from: it puts LibTorch " +
           plugin.manifest->torch + " there; if LibTorch was moved, move it back or build again";
  }
  return "install the package that has " + name + ", or build the plugin again";
}

}  // namespace

std::filesystem::path tensor_library() {
  Dl_info host{};
  std::error_code failure;
  if (dladdr(reinterpret_cast<const void*>(&tensor_library), &host) == 0) return {};
  return std::filesystem::canonical(host.dli_fname, failure).parent_path() / "libeasylm_tensor.so.0";
}

std::vector<std::string> library_folders(const std::filesystem::path& file) {
  return folders_of(run_path_of(file), file.parent_path());
}

std::optional<MissingLibrary> missing_library(const InspectedPlugin& plugin, std::string_view why) {
  constexpr std::string_view kComplaint = ": cannot open shared object file";
  const std::size_t end = why.find(kComplaint);
  if (end == why.npos) return {};
  const std::string_view library = why.substr(0, end);
  const std::string run_path = run_path_of(plugin.file);
  std::string places;
  for (const std::string& folder : folders_of(run_path, plugin.file.parent_path())) {
    std::error_code failure;
    const bool is_there = std::filesystem::is_directory(folder, failure);
    places += folder + (is_there ? ", " : " (which isn't there), ");
  }
  return MissingLibrary{"it needs " + std::string(library) + ", which is not in " + places +
                            (places.empty() ? "" : "nor in ") + "the system's folders",
                        remedy_of(plugin, library, run_path)};
}

}  // namespace easylm
