// The table by which a SentencePiece model normalises text: a trie in an array, and the strings it leads to.
#pragma once

#include <string_view>

namespace easylm::tokenizers {

// Throws Error{corrupt} that begins with `where` if following the table, for whatever text, could lead
// outside of it, or give what is no UTF-8.
void check_charsmap(std::string_view bytes, std::string_view where);

}  // namespace easylm::tokenizers
