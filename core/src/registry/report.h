// What the registry's verbs print: tables for people, JSON for scripts.
#pragma once

#include <span>
#include <string>

#include "easylm/export.h"
#include "registry/registry.h"

namespace easylm {

// One line a version under a line of headings.
EASYLM_API std::string list_text(std::span<const VersionRecord> versions);
// [{"name","version","uri","step","tokens","run","stage","created_at","bytes","path","format","status",
//   "aliases":[],"tags":{},"metrics":{},"parent":uri|null}]
EASYLM_API std::string list_json(std::span<const VersionRecord> versions);

EASYLM_API std::string show_text(const VersionDetails& details);
// One of list_json's objects with "files", "config", "dataset" and "plugins" added.
EASYLM_API std::string show_json(const VersionDetails& details);

// Where an alias of `name` pointed, the newest first.
EASYLM_API std::string history_text(const std::string& name, std::span<const AliasMove> moves);
// [{"version": number|null, "uri": uri|null, "moved_at"}], the oldest first; null: it was taken away
EASYLM_API std::string history_json(const std::string& name, std::span<const AliasMove> moves);

// "1.6 GB": three digits, powers of 1000.
EASYLM_API std::string bytes_text(std::int64_t bytes);

}  // namespace easylm
