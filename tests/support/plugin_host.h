// A Host for tests of plugins: makes the components of this build, and of further plugins; keeps the
// warnings.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/model_tensors.h"
#include "easylm/host.h"
#include "plugin/catalogue.h"
#include "plugin/component_maker.h"
#include "support/paths.h"

namespace easylm::testing {

class PluginHost : public Host {
 public:
  explicit PluginHost(std::uint64_t seed = 1, std::vector<std::filesystem::path> more_plugins = {})
      : seed_(seed),
        catalogue_(SearchPath{{build_folder() / "lib/easylm/plugins"}, {}, std::move(more_plugins)}) {}

  void log(LogLevel level, std::string_view word, std::string_view message,
           std::span<const LogPair> pairs) override {
    std::string line = "[" + std::string(word) + "] " + std::string(message);
    for (const LogPair& pair : pairs) {
      if (const auto* text = std::get_if<std::string_view>(&pair.value)) line += " " + std::string(*text);
    }
    if (level >= LogLevel::warning) warnings.push_back(std::move(line));
  }

  std::shared_ptr<Component> make_component(std::string_view kind, const Table& table) override {
    return maker_.make(*this, kind, table);
  }

  std::vector<std::string> available(std::string_view kind) const override {
    return catalogue_.available(kind);
  }

  std::vector<std::string> keys(std::string_view kind, std::string_view name) const override {
    std::vector<std::string> keys;
    if (const ComponentDescription* description = catalogue_.find(kind, name)) {
      for (const Field& field : description->fields) keys.push_back(field.key);
    }
    return keys;
  }

  std::optional<std::vector<TensorInfo>> model_tensors(const Table& model_config) const override {
    const ComponentDescription* description = catalogue_.find("model", model_config.type);
    return description == nullptr ? std::nullopt : described_tensors(*description, model_config);
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
  Catalogue catalogue_;
  ComponentMaker maker_{catalogue_, source_folder()};
};

// A component's table: {"adamw", {{"b1", 0.9}}}.
inline Table table_of(std::string type, std::initializer_list<std::pair<std::string, Value>> settings = {}) {
  Table table;
  table.type = std::move(type);
  for (const auto& [key, value] : settings) table.set(key, value);
  return table;
}

}  // namespace easylm::testing
