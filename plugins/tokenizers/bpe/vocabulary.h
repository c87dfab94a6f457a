// Texts of tokens and their ids, both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/tokenizer.h"

namespace easylm::tokenizers::bpe {

std::uint64_t hash_bytes(std::string_view bytes);

// A flat hash table over one block of text.
class Vocabulary {
 public:
  // Adds a token; false if its text is there already.
  bool add(std::string_view text, TokenId id);

  // To be called once all are added. Throws Error{corrupt} that begins with `where` unless the ids are
  // 0, 1, 2, … each once.
  void index(const std::string& where);

  std::int64_t size() const { return static_cast<std::int64_t>(entries_.size()); }
  std::optional<TokenId> find(std::string_view text) const;
  // REQUIRES: 0 <= id < size(), after index().
  std::string_view text(TokenId id) const { return text_of(by_id_[static_cast<std::size_t>(id)]); }

 private:
  struct Entry {
    std::uint32_t begin, size;
    TokenId id;
    std::uint32_t hash;  // its upper half, so that most unequal texts are never looked at
  };
  std::string_view text_of(const Entry& entry) const { return {block_.data() + entry.begin, entry.size}; }
  std::string_view text_of(std::uint32_t entry) const { return text_of(entries_[entry]); }
  void grow();

  std::string block_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // number of an entry, plus one; 0 is empty
  std::vector<std::uint32_t> by_id_;
};

}  // namespace easylm::tokenizers::bpe
