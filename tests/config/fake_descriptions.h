// Components as plain descriptions, with no plugin behind them: what the tests of the configuration know.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/descriptions.h"
#include "easylm/schema.h"

namespace easylm::testing {

class FakeDescriptions : public Descriptions {
 public:
  // A tokenizer, datasets, a LLaMA, kernels, optimizers, schedules, trackers and stages like the bundled
  // ones.
  static FakeDescriptions realistic();

  void add(ComponentDescription description);
  void make_unavailable(const std::string& kind, const std::string& name, const std::string& reason);

  // Described as a plugin would: by Config::describe.
  template <typename Config>
  void add(const std::string& kind, const std::string& name, const std::string& doc) {
    Schema<Config> schema;
    Config::describe(schema);
    ComponentDescription description;
    description.kind = kind;
    description.interface = "easylm." + kind + "/1";
    description.name = name;
    description.doc = doc;
    description.fields = schema.fields();
    description.presets = schema.presets();
    description.facts = schema.facts();
    description.constraints = schema.constraints();
    description.needs = schema.needs();
    description.makes = schema.makes();
    add(std::move(description));
  }

  const ComponentDescription* find(std::string_view kind, std::string_view name) const override;
  std::vector<std::string> names(std::string_view kind) const override;
  std::optional<std::string> reason_unavailable(std::string_view kind, std::string_view name) const override;

 private:
  using Key = std::pair<std::string, std::string>;
  std::map<Key, ComponentDescription> descriptions_;
  std::map<Key, std::string> reasons_;
};

}  // namespace easylm::testing
