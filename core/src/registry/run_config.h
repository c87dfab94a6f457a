// A run's configuration as the registry is asked about it: one dotted key and one value a row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "easylm/export.h"

namespace easylm {

using ConfigScalar = std::variant<std::int64_t, double, std::string>;
using ConfigRows = std::vector<std::pair<std::string, ConfigScalar>>;

// The keys of a resolved configuration, as `--set` writes them: "model.hidden_size", "stage.train.steps" (the
// table of a list goes by its name, else its type, else, or if that is taken, its index). True and false are
// texts; a list of plain values is the text that TOML has for it. Text that isn't TOML has no rows.
EASYLM_API ConfigRows config_rows(std::string_view toml);

// The same as [["model.hidden_size", 256], …].
EASYLM_API std::string config_rows_json(std::string_view toml);

// One value for people.
EASYLM_API std::string scalar_text(const ConfigScalar& value);

}  // namespace easylm
