// Changes a document from the command line and from the environment, before it is checked.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/diagnostics.h"
#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

using NamedText = std::pair<std::string, std::string>;

// `KEY=VALUE` each, in order. KEY is dotted; a part that stands before an array is an index, or the name or
// type of one of its tables ("stage.0.steps", "stage.train.steps"). VALUE is TOML; what isn't TOML is a
// string, unless it begins like a quoted string, an array or a table.
EASYLM_API void apply_sets(Table& root, std::span<const std::string> sets, Diagnostics& diagnostics);

// EASYLM__MODEL__HIDDEN_SIZE=512 is model.hidden_size=512; other names are left alone. Upper and lower case
// are the same.
EASYLM_API void apply_environment(Table& root, std::span<const NamedText> environment,
                                  Diagnostics& diagnostics);

// The variables of this process that apply_environment looks at, sorted. [setup]
EASYLM_API std::vector<NamedText> config_environment();

}  // namespace easylm
