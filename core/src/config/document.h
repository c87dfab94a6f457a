// Reads TOML into tables that remember where each value came from.
//
// A document is raw: `type` is a setting like any other, nothing is checked yet. Every Value's origin is the
// place of its key (of the value itself in an array).
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

inline constexpr std::size_t kMaxDocumentBytes = 4 << 20;
inline constexpr int kMaxDocumentDepth = 32;  // of nested tables and arrays, dotted keys included

struct LoadedDocument {
  Table root;                                // without `extends`
  std::vector<std::filesystem::path> files;  // every file read: first the named one, then those it extends
};

// A document from memory; `name` stands for the file in diagnostics. `extends` is left as it is. None if it
// can't be read; then `diagnostics` says why. [any-thread]
EASYLM_API std::optional<Table> parse_document(std::string_view text, const std::string& name,
                                               Diagnostics& diagnostics);

// A file with all that it extends: tables merge, everything else replaces. `extends` is a path or a list of
// paths, relative to the file that says it; later ones win over earlier ones, the file wins over all.
EASYLM_API std::optional<LoadedDocument> load_document(const std::filesystem::path& file,
                                                       Diagnostics& diagnostics);

// One TOML value; none if `text` isn't one. Dates aren't values here.
EASYLM_API std::optional<Value> parse_value(std::string_view text);

// Puts `over` into `under`: tables merge, everything else replaces.
EASYLM_API void merge_tables(Table& under, const Table& over);

// Says that `value` and everything in it came from there.
EASYLM_API void set_origin(Value& value, const Origin& origin);

}  // namespace easylm
