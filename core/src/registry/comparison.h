// Two versions side by side: what was set, with what, on what, and what came of it.
#pragma once

#include <string>

#include "easylm/export.h"
#include "registry/registry.h"

namespace easylm {

// Only what differs of configuration and plugins; all metrics.
EASYLM_API std::string comparison_text(const VersionDetails& a, const VersionDetails& b);

// {"a": uri, "b": uri, "config": [row], "plugins": [row], "facts": [row], "metrics": [row]} with rows
// {"key", "a", "b"}; null where a version has no such key. "facts" are run, stage, step, tokens, bytes,
// dataset.
EASYLM_API std::string comparison_json(const VersionDetails& a, const VersionDetails& b);

}  // namespace easylm
