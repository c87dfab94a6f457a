// A Host for tests of plugins: loads just the plugin files that it is told, keeps what is logged.
#pragma once

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "easylm/host.h"
#include "plugin/loader.h"

namespace easylm::testing {

class PluginHost : public Host {
 public:
  // Names as the build rule knows them, for example "optimizer_adamw".
  explicit PluginHost(std::initializer_list<std::string> plugins, std::uint64_t seed = 1) : seed_(seed) {
    for (const std::string& name : plugins) {
      const auto file =
          std::filesystem::path(EASYLM_BUILD_DIR) / "lib/easylm/plugins" / ("easylm_" + name + ".so");
      plugins_.push_back(&load_plugin(inspect_plugin(file, Trust::own_build)));
    }
  }

  void log(LogLevel level, std::string_view word, std::string_view message,
           std::span<const LogPair> pairs) override {
    std::string line = "[" + std::string(word) + "] " + std::string(message);
    for (const LogPair& pair : pairs) {
      if (const auto* text = std::get_if<std::string_view>(&pair.value)) line += " " + std::string(*text);
    }
    if (level >= LogLevel::warning) warnings.push_back(std::move(line));
  }

  std::shared_ptr<Component> make_component(std::string_view kind, const Table& table) override {
    if (const auto given = given_.find({std::string(kind), table.type}); given != given_.end())
      return given->second;
    for (const LoadedPlugin* plugin : plugins_) {
      if (const ComponentFactory* factory = plugin->find(kind, table.type)) {
        return std::shared_ptr<Component>(factory->create(*this, table));
      }
    }
    throw Error(ErrorCode::not_found, "no " + std::string(kind) + " '" + table.type + "' in this test");
  }

  std::vector<std::string> available(std::string_view kind) const override {
    std::vector<std::string> names;
    for (const auto& [id, component] : given_) {
      if (id.first == kind) names.push_back(id.second);
    }
    for (const LoadedPlugin* plugin : plugins_) {
      for (const ComponentFactory& factory : plugin->factories) {
        if (factory.description.kind == kind) names.push_back(factory.description.name);
      }
    }
    std::ranges::sort(names);
    return names;
  }

  std::vector<std::string> keys(std::string_view kind, std::string_view name) const override {
    std::vector<std::string> keys;
    for (const LoadedPlugin* plugin : plugins_) {
      if (const ComponentFactory* factory = plugin->find(kind, name)) {
        for (const Field& field : factory->description.fields) keys.push_back(field.key);
      }
    }
    return keys;
  }

  // Offers a component of the test's own, the same one to all who ask.
  void add(const std::string& kind, const std::string& name, std::shared_ptr<Component> component) {
    given_[{kind, name}] = std::move(component);
  }

  RandomStream random(std::string_view purpose, std::uint64_t index) override {
    return {seed_, purpose, index};
  }
  const StopToken& stop() const override { return stop_token; }
  const Paths& paths() const override { return paths_; }

  std::vector<std::string> warnings;
  StopToken stop_token;

 private:
  std::uint64_t seed_;
  Paths paths_;
  std::vector<const LoadedPlugin*> plugins_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Component>> given_;
};

// A component's table: {"adamw", {{"b1", 0.9}}}.
inline Table table_of(std::string type, std::initializer_list<std::pair<std::string, Value>> settings = {}) {
  Table table;
  table.type = std::move(type);
  for (const auto& [key, value] : settings) table.set(key, value);
  return table;
}

}  // namespace easylm::testing
