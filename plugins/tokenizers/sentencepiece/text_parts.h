// Texts cut into what is encoded by itself: added tokens, and stretches between which no piece can reach.
#pragma once

#include <string_view>
#include <vector>

#include "easylm/tokenizer.h"
#include "easylm/tokenizer_settings.h"
#include "model_file.h"

namespace easylm::tokenizers {

struct TextPart {
  std::string_view text;
  const AddedToken* token = nullptr;  // null: text for the model
};

// Finds tokens in a text: the leftmost first, of those that begin at one place the longest.
class TokenFinder {
 public:
  TokenFinder() = default;
  // Borrows `tokens`; their texts are not empty.
  explicit TokenFinder(std::vector<const AddedToken*> tokens);

  // All parts of `text` in their order; none is empty but for the tokens.
  std::vector<TextPart> parts(std::string_view text) const;

 private:
  const AddedToken* at(std::string_view text) const;

  std::vector<const AddedToken*> tokens_;  // sorted by first byte, then the longest first
  std::vector<std::size_t> first_;         // by first byte: where its tokens begin in tokens_
};

// Whether the ids of a text are those of its parts if it is cut where a word is followed by a space. No piece
// may hold a space after something else; spaces may be neither removed nor rewritten.
bool cuts_at_spaces(const ModelFile& model);

// The next such place after `from`; the end of the text if there is none.
std::size_t next_cut(std::string_view text, std::size_t from);

// `text` cut there, each stretch of at least `size` bytes but for the last. Not empty.
std::vector<std::string_view> stretches(std::string_view text, std::size_t size);

}  // namespace easylm::tokenizers
