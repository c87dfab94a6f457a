// Component descriptions as JSON: what the build embeds in a plugin's file, and what the host reads there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "easylm/registrar.h"

namespace easylm {

// The descriptions as one JSON document; the same descriptions give the same bytes. Throws Error{plugin} for
// a preset or a table that names a key twice.
EASYLM_API std::string descriptions_to_json(const std::vector<ComponentDescription>& components);

// The inverse. Strict: throws Error{corrupt}, which names the place in the document, for an unknown, missing
// or wrongly typed member. Origins are not kept.
EASYLM_API std::vector<ComponentDescription> descriptions_from_json(std::string_view text);

}  // namespace easylm
