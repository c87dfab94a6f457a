// What a pre-tokenizer does with the parts that its pattern finds.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pieces.h"
#include "regex.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {

enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

// By its name in JSON. Throws Error{corrupt}.
SplitBehavior behavior_of(const std::string& name, const std::string& where);

using PartFinder = std::function<std::vector<Part>(std::string_view text)>;

// Each character of one of these classes is a match.
PartFinder parts_by_class(ClassBits classes);

// What matches doesn't, and the other way round.
PartFinder inverted(PartFinder finder);

// Cuts all pieces that are text. Nothing is left of an empty one.
void split_pieces(Pieces& pieces, const PartFinder& finder, SplitBehavior behavior);

}  // namespace easylm::tokenizers::bpe
