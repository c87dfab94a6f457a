// What a plugin tells the host about its components. Filled in by the SDK (easylm/sdk/plugin.h).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "easylm/component.h"
#include "easylm/host.h"
#include "easylm/schema.h"

namespace easylm {

// A component as data: everything here but `create` is also embedded in the plugin's file, so that the host
// can describe and check it without loading it.
struct ComponentDescription {
  std::string kind;       // "tokenizer"
  std::string interface;  // "easylm.tokenizer/1"
  std::string name;       // the word after `type =`
  std::string doc;        // one sentence
  std::vector<Field> fields;
  std::vector<Preset> presets;
  std::vector<Fact> facts;
  std::vector<TensorRule> tensors;
  std::vector<Constraint> constraints;
  std::vector<Port> needs;         // stages only
  std::vector<std::string> makes;  // stages only
};

struct ComponentFactory {
  ComponentDescription description;
  // A new component, owned by the caller. May throw. The table was checked against the description.
  std::function<Component*(Host&, const Table&)> create;
  // (optional) The settings as the component holds them after it has read `table`: what shows that every key
  // that is described is also read, and into a place of its own. The SDK fills it in.
  std::function<Table(const Table& table)> echo;
};

class EASYLM_API Registrar {
 public:
  virtual ~Registrar();
  virtual void add(ComponentFactory factory) = 0;  // [setup]
};

}  // namespace easylm
