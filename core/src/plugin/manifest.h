// What a plugin says about its build, and whether this host can live with it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

struct EASYLM_API PluginManifest {
  std::string name;     // of the plugin
  std::string version;  // of the plugin
  int api_major = 0, api_minor = 0;
  std::string compiler;  // "gcc-12"
  std::string cxxabi;
  std::string cxx11abi;
  int libstdcxx = 0;
  std::string debug;      // "1" if built with _GLIBCXX_DEBUG
  std::string sanitizer;  // "address", "thread", "none"
  std::string torch;      // LibTorch's version, or "none"
  std::string cuda;       // CUDA's version if it needs a GPU, or "none"
  std::string layout;     // easylm/layout.h's checksum over the structs of the major version's first minor
  std::map<int, std::string> later_layouts;  // and over those that came with a later minor, by that minor

  // From a note's text. Throws Error{corrupt}, without the file's name, for a missing or broken line. Unknown
  // keys are left to later versions.
  static PluginManifest parse(std::string_view text);

  // This host's own; `torch` is the version that it was built with, "none" without the tensor half.
  static const PluginManifest& of_host();
};

// Every reason why `plugin` can't be loaded into `host`, each with what it was built for, what the host is
// and the remedy; empty if it can.
EASYLM_API std::vector<std::string> incompatibilities(const PluginManifest& plugin,
                                                      const PluginManifest& host);

}  // namespace easylm
