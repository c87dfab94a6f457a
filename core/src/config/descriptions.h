// What the configuration's checker knows of components: their descriptions, without their code.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "easylm/registrar.h"

namespace easylm {

// The plugin host implements it; tests bring their own. All methods: [any-thread].
class EASYLM_API Descriptions {
 public:
  virtual ~Descriptions();

  // The component that a config file names, usable here or not; null if no plugin offers it. Lives as long as
  // this object.
  virtual const ComponentDescription* find(std::string_view kind, std::string_view name) const = 0;

  // Every name for which find() isn't null, sorted.
  virtual std::vector<std::string> names(std::string_view kind) const = 0;

  // Why a component that find() knows, or one whose plugin was refused, can't be used here: one sentence
  // ("needs a CUDA GPU, and this machine has none"). None if it can, or if nothing is known of it.
  virtual std::optional<std::string> reason_unavailable(std::string_view kind,
                                                        std::string_view name) const = 0;
};

}  // namespace easylm
