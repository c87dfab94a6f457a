// Finds the word that was probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// Edits that turn one word into the other, case ignored: insert, delete, replace, swap neighbours.
EASYLM_API int edit_distance(std::string_view a, std::string_view b);

// The nearest candidate if it is near enough to be a typo (about one edit in three letters), else empty. A
// word that a candidate begins with or contains as a whole part ("hidden" in "hidden_size") is near, too.
EASYLM_API std::string nearest(std::string_view word, std::span<const std::string> candidates);

// "did you mean 'x'?" if one is near, else "LABEL: a, b, c", else (no candidates) empty.
EASYLM_API std::string suggestion(std::string_view word, std::span<const std::string> candidates,
                                  std::string_view label);

}  // namespace easylm
