// The pipeline file's JSON Schema, for editors: every component that is installed, every key with its
// meaning.
#pragma once

#include <string>

#include "config/descriptions.h"
#include "easylm/export.h"

namespace easylm {

// JSON Schema, draft 2020-12, indented.
EASYLM_API std::string pipeline_json_schema(const Descriptions& descriptions);

}  // namespace easylm
