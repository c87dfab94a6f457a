// The registry's tables, and how an older registry becomes a newer one.
#pragma once

#include <span>
#include <string_view>

#include "easylm/export.h"
#include "registry/database.h"

namespace easylm {

// SQL that turns schema n into n + 1; migrations()[0] makes the first from nothing. It may call
// config_rows_json() of run_config.h.
EASYLM_API std::span<const std::string_view> migrations();

// Brings `database` to schema `steps.size()`, each step in a transaction of its own; `user_version` counts
// them. Throws Error{unsupported} for a newer schema and Error{corrupt} for a database that isn't ours.
EASYLM_API void migrate(Database& database, std::span<const std::string_view> steps);

// Throws like migrate(); otherwise whether the schema is older than `steps`.
EASYLM_API bool needs_migration(Database& database, std::span<const std::string_view> steps);

}  // namespace easylm
