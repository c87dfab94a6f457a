// The BPE model of a tokenizer.json: a piece of text to ids.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "merge_table.h"
#include "merger.h"
#include "vocabulary.h"
#include "word_cache.h"

namespace easylm::tokenizers::bpe {

// What a file says of its model, beside vocabulary and merges.
struct ModelSettings {
  std::optional<std::string> unk_token;
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};

// How the text of a piece is written: as it is, or each byte to be read as the letter that stands for it in
// GPT-2's alphabet.
enum class Letters { characters, bytes };

// What one thread needs while it encodes.
struct Scratch {
  explicit Scratch(Letters kind) : letters(kind), cached(kind) {}
  Letters letters;  // of what is to be encoded now
  Letters cached;   // of the words in the cache, which takes no part for others
  WordCache cache;
  Merger merger;
  std::vector<Symbol> symbols;
  std::vector<TokenId> ids;
  std::vector<std::uint32_t> sizes;
  std::string text;
};

// Where ids go. `sizes`, unless null, gets the bytes of the piece that each id stands for.
struct TokenSink {
  std::vector<TokenId>& ids;
  std::vector<std::uint32_t>* sizes = nullptr;
};

class Model {
 public:
  // Throws Error{corrupt} that begins with `where`.
  Model(Vocabulary vocabulary, const ModelSettings& settings, std::string where);

  // The next merge in order of rank. Throws Error{corrupt} if a token is unknown.
  void reserve_merges(std::size_t count) { merges_ = MergeTable(count); }
  void add_merge(std::string_view left, std::string_view right);

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // Whether ids come out right with Letters::bytes, and sizes too.
  bool can_spell_bytes() const { return has_all_bytes_ || !settings_.byte_fallback; }
  bool knows_bytes_of(std::string_view text) const;

  // Appends the ids of one word: a piece between which and its neighbours nothing merges. `readable` bytes
  // may be read from its begin. REQUIRES: valid UTF-8, or Letters::bytes and can_spell_bytes(). [any-thread]
  void encode_word(std::string_view word, std::size_t readable, Scratch& scratch, TokenSink sink) const;

  // The same for words that follow one another from `at` on, given by their ends.
  void encode_words(std::string_view text, std::size_t at, std::span<const std::uint32_t> ends,
                    Scratch& scratch, TokenSink sink) const;

  // The same for any piece; a long one in characters is taken apart where nothing can merge.
  void encode_piece(std::string_view piece, Scratch& scratch, TokenSink sink) const;

  // Bytes that a token stands for in a piece, if it is nothing unusual such as <unk>.
  std::uint32_t usual_size(TokenId id, Letters letters) const {
    const auto& sizes = letters == Letters::bytes ? sizes_in_bytes_ : sizes_in_text_;
    return sizes[static_cast<std::size_t>(id)];
  }

 private:
  static constexpr unsigned kLogJunctions = 19;

  TokenId id_of_character(std::string_view character) const;
  void add_character(std::string_view character, std::vector<Symbol>& symbols,
                     std::optional<Symbol>& unknown) const;
  static void add_known(Symbol symbol, std::vector<Symbol>& symbols, std::optional<Symbol>& unknown);
  void add_unknown(std::uint32_t size, std::vector<Symbol>& symbols, std::optional<Symbol>& unknown) const;
  void split_into_symbols(std::string_view word, Scratch& scratch) const;
  void merge_word(std::string_view word, Scratch& scratch) const;
  bool may_join(char32_t left, char32_t right) const;
  TokenId unknown_id() const;
  std::optional<TokenId> whole_word(std::string_view word, Scratch& scratch) const;

  Vocabulary vocabulary_;
  ModelSettings settings_;
  std::string where_;
  MergeTable merges_;
  std::uint32_t num_merges_ = 0;
  bool has_all_bytes_ = true;
  bool can_split_ = true;
  std::array<TokenId, 256> byte_letters_{};  // -1 if the letter is not in the vocabulary
  std::array<TokenId, 256> byte_tokens_{};   // <0x00> to <0xFF>, the same
  std::array<TokenId, 128> ascii_{};
  std::vector<std::uint32_t> sizes_in_bytes_, sizes_in_text_;
  std::vector<bool> is_byte_token_;
  // Whether some merge joins two characters: a filter that may say yes by mistake, never no.
  std::vector<std::uint64_t> junctions_ = std::vector<std::uint64_t>((std::size_t{1} << kLogJunctions) / 64);
};

// The letter of GPT-2's alphabet for a byte: U+0021 to U+0143.
char32_t letter_of_byte(unsigned byte);
// The way back; -1 for what is no such letter.
int byte_of_letter(char32_t letter);

}  // namespace easylm::tokenizers::bpe
