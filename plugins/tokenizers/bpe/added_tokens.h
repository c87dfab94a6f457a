// Tokens that are found in the text before anything else: <|im_end|> and the like.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "easylm/tokenizer.h"
#include "normalizer.h"
#include "pieces.h"
#include "vocabulary.h"

namespace easylm::tokenizers::bpe {

struct AddedToken {
  TokenId id = -1;
  std::string content;
  bool single_word = false, lstrip = false, rstrip = false, normalized = true, special = false;
  std::string pattern;  // what is looked for: the content, or its normal form
};

// Finds many texts at once: at each place the longest of those that begin there, and after it no other.
class TextFinder {
 public:
  // A longer text is refused: a file could make every search quadratic.
  static constexpr std::size_t kLongest = 1024;

  bool empty() const { return nodes_.size() == 1; }
  // False if the text is there already.
  bool add(std::string_view text, std::uint32_t value);

  struct Found {
    std::size_t begin, end;
    std::uint32_t value;
  };
  std::optional<Found> find(std::string_view text, std::size_t from) const;

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  static std::uint64_t edge(std::uint32_t node, char c) {
    return (static_cast<std::uint64_t>(node) << 8U) | static_cast<unsigned char>(c);
  }
  std::array<bool, 256> begins_{};
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;
  std::vector<std::uint32_t> nodes_ = {kNone};  // the value of the text that ends there
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // Throws Error{corrupt} that begins with `where` if ids or texts are not those that HF would give.
  AddedTokens(std::vector<AddedToken> tokens, const Vocabulary& vocabulary, const Normalizer* normalizer,
              const std::string& where);

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  std::int64_t vocabulary_size() const { return vocabulary_size_; }
  const AddedToken* by_id(TokenId id) const;
  const AddedToken* by_content(std::string_view content) const;

  // Whether any token could be found in a text.
  bool any(SpecialText special_text, bool normalized) const;

  // Appends `part` of a text to `out`, cut at the tokens in it that are looked for before (after)
  // normalization. `base` is where the part will lie in the text of the pieces.
  void split(std::string_view part, std::uint32_t base, bool normalized, SpecialText special_text,
             std::vector<Piece>& out) const;

 private:
  std::vector<AddedToken> tokens_;
  std::vector<std::uint32_t> by_id_;
  TextFinder plain_, normalized_;
  bool any_ordinary_plain_ = false, any_ordinary_normalized_ = false;
  std::int64_t vocabulary_size_ = 0;
};

}  // namespace easylm::tokenizers::bpe
