// How versions are named: "shakespeare:3", "shakespeare@best", "shakespeare@latest", "shakespeare".
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

inline constexpr std::string_view kLatest = "latest";  // the alias that every name has by itself

struct Reference {
  std::string name;
  std::int64_t number = 0;  // 0: `alias` says which
  std::string alias;
};

// Whether `text` may name a run, an alias or a tag: letters, digits, '.', '_' and '-', at most 100, the first
// a letter, a digit or '_'. It can be a folder and part of a URI.
EASYLM_API bool is_name(std::string_view text);

// None if `text` can't be a reference (a path, for example). [any-thread]
EASYLM_API std::optional<Reference> try_parse_reference(std::string_view text);

// Throws Error{invalid_config} that says how references are written.
EASYLM_API Reference parse_reference(std::string_view text);

EASYLM_API std::string uri_of(std::string_view name, std::int64_t number);

// Where a version's files lie, relative to the home: "checkpoints/shakespeare/v000003".
EASYLM_API std::filesystem::path version_folder(std::string_view name, std::int64_t number);

// The number of a folder named like a version's ("v000003"), else 0.
EASYLM_API std::int64_t number_of_folder(std::string_view folder_name);

}  // namespace easylm
