// version: what this is, what it was built with, and which plugins it finds.
#include <iostream>
#include <map>
#include <string>
#include <utility>

#include "easylm/json.h"
#include "plugin/manifest.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

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
  return facts;
}

void print_line(const std::string& label, const std::string& text) {
  std::cout << label << std::string(label.size() < 12 ? 12 - label.size() : 1, ' ') << text << "\n";
}

}  // namespace

int show_program_version(const Invocation& invocation) {
  const Session session(invocation.home);
  Table facts = facts_of(PluginManifest::of_host());
  const auto kinds = components_of(session.catalogue());
  if (invocation.has("json")) {
    Table components;
    for (const auto& [kind, names] : kinds) components.set(kind, {names, {}});
    facts.set("components", {std::move(components), {}});
    std::cout << json_text(facts);
    return 0;
  }
  for (const Setting& fact : facts.settings) print_line(fact.key, *fact.value.as<std::string>());
  for (const auto& [kind, names] : kinds) {
    std::string words;
    for (const Value& name : names) words += (words.empty() ? "" : ", ") + *name.as<std::string>();
    print_line(kind, words);
  }
  return 0;
}

}  // namespace easylm::app
