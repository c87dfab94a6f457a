// Parses manifests and compares a plugin's with the host's.
#include "plugin/manifest.h"

#include <charconv>
#include <map>
#include <string>

#include "easylm/border.h"
#include "easylm/error.h"
#include "easylm/layout.h"

#ifndef EASYLM_HOST_TORCH
#define EASYLM_HOST_TORCH "none"
#endif

namespace easylm {
namespace {

using Lines = std::map<std::string_view, std::string_view>;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::corrupt, "its manifest is broken: " + why, "rebuild the plugin with EasyLM's SDK");
}

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const std::size_t equals = line.find('=');
    if (equals == line.npos || equals == 0) refuse("a line is not key=value");
    for (const char c : line) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) refuse("it holds a control character");
    }
    if (!lines.emplace(line.substr(0, equals), line.substr(equals + 1)).second) {
      refuse("'" + std::string(line.substr(0, equals)) + "' is there twice");
    }
  }
  return lines;
}

std::string word(const Lines& lines, std::string_view key) {
  const auto line = lines.find(key);
  if (line == lines.end() || line->second.empty()) refuse("'" + std::string(key) + "' is missing");
  return std::string(line->second);
}

int number(std::string_view text, std::string_view key) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 0) {
    refuse("'" + std::string(key) + "' is not a number");
  }
  return value;
}

std::string host_text() {
  std::string text = EASYLM_MANIFEST_TEXT("easylm", EASYLM_VERSION, EASYLM_HOST_TORCH, "none");
  write_layout(text);
  return text;
}

std::string_view family(std::string_view compiler) { return compiler.substr(0, compiler.find('-')); }

std::string api_of(const PluginManifest& m) {
  return "plugin API " + std::to_string(m.api_major) + "." + std::to_string(m.api_minor);
}

std::string debug_of(const PluginManifest& m) {
  return m.debug == "0" ? "the release containers" : "libstdc++'s debug containers (_GLIBCXX_DEBUG)";
}

std::string sanitizer_of(const PluginManifest& m) {
  return m.sanitizer == "none" ? "no sanitizer" : "the " + m.sanitizer + " sanitizer";
}

std::string torch_of(const PluginManifest& m) {
  return m.torch == "none" ? "use without LibTorch" : "LibTorch " + m.torch;
}

// Collects reasons of one form, so that each names both sides and a way out.
class Reasons {
 public:
  void add(const std::string& plugin, const std::string& host, const std::string& remedy) {
    list_.push_back("built for " + plugin + ", this host is built for " + host + ": " + remedy);
  }
  std::vector<std::string> take() { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

void compare_abi(const PluginManifest& plugin, const PluginManifest& host, Reasons& reasons) {
  if (family(plugin.compiler) != family(host.compiler) || plugin.cxxabi != host.cxxabi) {
    reasons.add(plugin.compiler + " (C++ ABI " + plugin.cxxabi + ")",
                host.compiler + " (C++ ABI " + host.cxxabi + ")",
                "rebuild the plugin with the host's compiler");
  }
  if (plugin.cxx11abi != host.cxx11abi) {
    reasons.add("_GLIBCXX_USE_CXX11_ABI=" + plugin.cxx11abi, "_GLIBCXX_USE_CXX11_ABI=" + host.cxx11abi,
                "rebuild the plugin with -D_GLIBCXX_USE_CXX11_ABI=" + host.cxx11abi);
  }
  if (plugin.libstdcxx > host.libstdcxx) {
    reasons.add("libstdc++ " + std::to_string(plugin.libstdcxx),
                "libstdc++ " + std::to_string(host.libstdcxx),
                "rebuild the plugin with an older compiler, or EasyLM with a newer one");
  }
  if (plugin.debug != host.debug) {
    reasons.add(debug_of(plugin), debug_of(host),
                host.debug == "0" ? "rebuild the plugin without -D_GLIBCXX_DEBUG"
                                  : "rebuild the plugin with -D_GLIBCXX_DEBUG");
  }
  if (plugin.sanitizer != host.sanitizer) {
    reasons.add(sanitizer_of(plugin), sanitizer_of(host), "build both with the same sanitizer");
  }
}

// The first sum that differs is the reason: what laid out one struct otherwise did so with others. Structs
// that came after the plugin's minor are unknown to it, and no concern of its.
void compare_layouts(const PluginManifest& plugin, const PluginManifest& host, Reasons& reasons) {
  const auto agree = [&reasons](const std::string& of_plugin, const std::string& of_host) {
    if (of_plugin == of_host) return true;
    reasons.add("other headers of EasyLM (layout " + of_plugin + ")", "layout " + of_host,
                "rebuild the plugin against this version of EasyLM");
    return false;
  };
  if (!agree(plugin.layout, host.layout) || plugin.api_major != host.api_major) return;
  for (const auto& [minor, layout] : host.later_layouts) {
    if (plugin.api_minor < minor) continue;
    const auto known = plugin.later_layouts.find(minor);
    if (!agree(known == plugin.later_layouts.end() ? "unknown" : known->second, layout)) return;
  }
}

}  // namespace

PluginManifest PluginManifest::parse(std::string_view text) {
  const Lines lines = lines_of(text);
  if (const std::string form = word(lines, "manifest"); form != "1") {
    throw Error(ErrorCode::unsupported, "its manifest has form " + form + ", this host reads form 1",
                "use a plugin built for this version of EasyLM, or upgrade EasyLM");
  }
  PluginManifest m;
  m.name = word(lines, "name");
  m.version = word(lines, "version");
  const std::string api = word(lines, "api");
  const std::size_t dot = api.find('.');
  if (dot == api.npos) refuse("'api' is not MAJOR.MINOR");
  m.api_major = number(std::string_view(api).substr(0, dot), "api");
  m.api_minor = number(std::string_view(api).substr(dot + 1), "api");
  m.compiler = word(lines, "compiler");
  m.cxxabi = word(lines, "cxxabi");
  m.cxx11abi = word(lines, "cxx11abi");
  m.libstdcxx = number(word(lines, "libstdcxx"), "libstdcxx");
  m.debug = word(lines, "debug");
  m.sanitizer = word(lines, "sanitizer");
  m.torch = word(lines, "torch");
  m.cuda = word(lines, "cuda");
  m.layout = word(lines, "layout");
  constexpr std::string_view kLater = "layout.";
  for (auto line = lines.lower_bound(kLater); line != lines.end() && line->first.starts_with(kLater);
       ++line) {
    m.later_layouts[number(line->first.substr(kLater.size()), line->first)] = line->second;
  }
  return m;
}

const PluginManifest& PluginManifest::of_host() {
  static const PluginManifest host = parse(host_text());
  return host;
}

std::vector<std::string> incompatibilities(const PluginManifest& plugin, const PluginManifest& host) {
  Reasons reasons;
  if (plugin.api_major != host.api_major) {
    reasons.add(api_of(plugin), api_of(host), "rebuild the plugin against this version of EasyLM");
  } else if (plugin.api_minor > host.api_minor) {
    reasons.add(api_of(plugin), api_of(host), "upgrade EasyLM, or use an older version of the plugin");
  }
  compare_abi(plugin, host, reasons);
  if (plugin.torch != "none" && plugin.torch != host.torch) {
    reasons.add(torch_of(plugin), torch_of(host),
                host.torch == "none" ? "build EasyLM with its tensor half"
                                     : "rebuild the plugin against LibTorch " + host.torch);
  }
  compare_layouts(plugin, host, reasons);
  return reasons.take();
}

}  // namespace easylm
