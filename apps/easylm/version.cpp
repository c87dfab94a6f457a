// version: what this is, what it was built with, where it runs, and which plugins it finds.
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "easylm/json.h"
#include "platform/machine.h"
#include "plugin/libraries.h"
#include "plugin/manifest.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

constexpr std::size_t kLabel = 17;  // letters of the first column

// Names by kind, of those that can be used.
std::map<std::string, List> components_of(const Catalogue& catalogue) {
  std::map<std::string, List> kinds;
  for (const CatalogueEntry& entry : catalogue.entries()) {
    if (entry.status == PluginStatus::available) kinds[entry.kind].push_back({entry.name, {}});
  }
  return kinds;
}

Table facts_of(const PluginManifest& host) {
  Table facts;
  facts.set("easylm", {host.version, {}});
  facts.set("api", {std::to_string(host.api_major) + "." + std::to_string(host.api_minor), {}});
  facts.set("compiler", {host.compiler, {}});
  facts.set("libstdc++", {std::to_string(host.libstdcxx), {}});
  facts.set("libtorch", {host.torch, {}});
  facts.set("sanitizer", {host.sanitizer, {}});
  facts.set("layout", {host.layout, {}});
  facts.set("build", {std::string(EASYLM_BUILD_TYPE), {}});
  return facts;
}

// Where LibTorch is looked for: the folder that has it, or else the first.
std::string libtorch_folder() {
  const std::vector<std::string> folders = library_folders(tensor_library());
  for (const std::string& folder : folders) {
    std::error_code failure;
    if (std::filesystem::exists(folder + "/libtorch_cpu.so", failure)) return folder;
  }
  return folders.empty() ? "none" : folders.front() + " (not there)";
}

void add_surroundings(const Catalogue& catalogue, Table& facts) {
  const Machine machine = this_machine();
  facts.set("libtorch_folder", {libtorch_folder(), {}});
  facts.set("system", {machine.system, {}});
  facts.set("processor", {machine.processor, {}});
  facts.set("cores", {std::int64_t{machine.cores}, {}});
  facts.set("gpu", {machine.gpu, {}});
  List folders;
  for (const std::filesystem::path& folder : catalogue.path().folders) {
    folders.push_back({folder.string(), {}});
  }
  facts.set("plugin_folders", {std::move(folders), {}});
  if (catalogue.lock()) facts.set("plugin_lock", {lock_file(catalogue.lock()->home).string(), {}});
}

std::string text_of(const Value& value) {
  if (const auto* number = value.as<std::int64_t>()) return std::to_string(*number);
  if (const auto* text = value.as<std::string>()) return *text;
  std::string all;
  for (const Value& item : *value.as<List>()) all += (all.empty() ? "" : ", ") + text_of(item);
  return all;
}

void print_line(const std::string& label, const std::string& text) {
  std::cout << label << std::string(label.size() < kLabel ? kLabel - label.size() : 1, ' ') << text << "\n";
}

}  // namespace

int show_program_version(const Invocation& invocation) {
  const Session session(invocation.home);
  Table facts = facts_of(PluginManifest::of_host());
  add_surroundings(session.catalogue(), facts);
  const auto kinds = components_of(session.catalogue());
  if (invocation.has("json")) {
    Table components;
    for (const auto& [kind, names] : kinds) components.set(kind, {names, {}});
    facts.set("components", {std::move(components), {}});
    std::cout << json_text(facts);
    return 0;
  }
  for (const Setting& fact : facts.settings) print_line(fact.key, text_of(fact.value));
  for (const auto& [kind, names] : kinds) print_line(kind, text_of({names, {}}));
  return 0;
}

}  // namespace easylm::app
