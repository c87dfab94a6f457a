// A resolved configuration as TOML that loads again to the same configuration.
#pragma once

#include <string>
#include <string_view>

#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

enum class ShowOrigins { no, yes };

// Every key on a line of its own, nested tables as sub-tables; with origins each line ends in
// `# configs/x.toml:12`, `# --set`, `# environment`, `# preset llama2_7b` or `# default`.
EASYLM_API std::string show_toml(const Table& root, ShowOrigins origins = ShowOrigins::no);

// "configs/x.toml:12", "--set", "default".
EASYLM_API std::string to_string(const Origin& origin);

// One value as TOML on one line.
EASYLM_API std::string toml_text(const Value& value);

}  // namespace easylm
