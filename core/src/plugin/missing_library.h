// What to say when the system doesn't find a library that a plugin needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "easylm/export.h"
#include "plugin/inspect.h"

namespace easylm {

struct MissingLibrary {
  std::string message;  // which one, and where it is looked for
  std::string remedy;
};

// None if `why`, the system's own words, complains of something else. [any-thread]
EASYLM_API std::optional<MissingLibrary> missing_library(const InspectedPlugin& plugin, std::string_view why);

}  // namespace easylm
