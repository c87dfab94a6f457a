// The BPE model of a tokenizer.json.
#include "model.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "easylm/error.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {
namespace {

bool is_printable(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Alphabet {
  std::array<char32_t, 256> letters{};
  std::array<int, 0x144> bytes{};
  Alphabet() {
    bytes.fill(-1);
    char32_t other = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      letters[byte] = is_printable(byte) ? byte : other++;
      bytes[letters[byte]] = static_cast<int>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet kAlphabet;
  return kAlphabet;
}

std::uint32_t count_characters(std::string_view text) {
  std::uint32_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80 ? 1 : 0;
  return count;
}

std::uint32_t junction_hash(char32_t left, char32_t right, unsigned bits) {
  return ((left * 0x9E3779B1U) ^ (right * 0x85EBCA77U)) >> (32U - bits);
}

}  // namespace

char32_t letter_of_byte(unsigned byte) { return alphabet().letters[byte]; }
int byte_of_letter(char32_t letter) { return letter < 0x144 ? alphabet().bytes[letter] : -1; }

Model::Model(Vocabulary vocabulary, const ModelSettings& settings, std::string where)
    : vocabulary_(std::move(vocabulary)), settings_(settings), where_(std::move(where)) {
  can_split_ = !settings_.ignore_merges;  // else it matters what the whole piece is
  const auto size = static_cast<std::size_t>(vocabulary_.size());
  sizes_in_bytes_.resize(size);
  sizes_in_text_.resize(size);
  is_byte_token_.resize(size);
  for (std::size_t id = 0; id < size; ++id) {
    const std::string_view text = vocabulary_.text(static_cast<TokenId>(id));
    sizes_in_bytes_[id] = count_characters(text);
    sizes_in_text_[id] = static_cast<std::uint32_t>(text.size());
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string letter;
    append_utf8(letter, letter_of_byte(byte));
    byte_letters_[byte] = vocabulary_.find(letter).value_or(-1);
    has_all_bytes_ = has_all_bytes_ && byte_letters_[byte] >= 0;
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    byte_tokens_[byte] = settings_.byte_fallback ? vocabulary_.find(name).value_or(-1) : -1;
    if (byte_tokens_[byte] >= 0) {
      const auto id = static_cast<std::size_t>(byte_tokens_[byte]);
      sizes_in_text_[id] = 1;
      is_byte_token_[id] = true;
    }
  }
  for (unsigned char c = 0; c < 128; ++c) {
    const char text = static_cast<char>(c);
    ascii_[c] = vocabulary_.find({&text, 1}).value_or(-1);
  }
}

void Model::add_merge(std::string_view left, std::string_view right) {
  std::string joined(left);
  joined += right;
  const auto ids = {vocabulary_.find(left), vocabulary_.find(right), vocabulary_.find(joined)};
  if (left.empty() || right.empty() || *ids.begin() == std::nullopt || ids.begin()[1] == std::nullopt ||
      ids.begin()[2] == std::nullopt) {
    throw Error(ErrorCode::corrupt,
                where_ + ": the merge of '" + std::string(left) + "' and '" + std::string(right) +
                    "' names a token that is not in the vocabulary",
                "get the file again");
  }
  const TokenId left_id = *ids.begin()[0];
  const TokenId right_id = *ids.begin()[1];
  merges_.set(left_id, right_id, {num_merges_++, *ids.begin()[2]});
  const std::uint32_t bit =
      junction_hash(char_before(left, left.size()).code, char_at(right, 0).code, kLogJunctions);
  junctions_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  // Bytes and <unk> stand for characters that their names don't show.
  const auto is_unusual = [&](TokenId id, std::string_view text) {
    return is_byte_token_[static_cast<std::size_t>(id)] || text == settings_.unk_token;
  };
  if (is_unusual(left_id, left) || is_unusual(right_id, right)) can_split_ = false;
}

TokenId Model::unknown_id() const {
  const std::optional<TokenId> id = vocabulary_.find(*settings_.unk_token);
  if (id) return *id;
  throw Error(ErrorCode::corrupt,
              where_ + ": the text has a character that the vocabulary lacks, and it also lacks unk_token '" +
                  *settings_.unk_token + "'",
              "the tokenizer is incomplete: use another");
}

TokenId Model::id_of_character(std::string_view character) const {
  if (character.size() == 1) return ascii_[static_cast<unsigned char>(character[0])];
  return vocabulary_.find(character).value_or(-1);
}

// As Hugging Face does it, to the letter: an unknown character without byte tokens and <unk> leaves no trace,
// and bytes overtake an <unk> that waits to be fused.
void Model::add_character(std::string_view character, std::vector<Symbol>& symbols,
                          std::optional<Symbol>& unknown) const {
  const auto size = static_cast<std::uint32_t>(character.size());
  const TokenId id = id_of_character(character);
  if (id >= 0) {
    add_known({id, size}, symbols, unknown);
    return;
  }
  bool has_bytes = settings_.byte_fallback;
  for (const char c : character) has_bytes = has_bytes && byte_tokens_[static_cast<unsigned char>(c)] >= 0;
  if (!has_bytes) {
    add_unknown(size, symbols, unknown);
    return;
  }
  for (const char c : character) symbols.push_back({byte_tokens_[static_cast<unsigned char>(c)], 1});
}

void Model::add_known(Symbol symbol, std::vector<Symbol>& symbols, std::optional<Symbol>& unknown) {
  if (unknown) symbols.push_back(*unknown);
  unknown.reset();
  symbols.push_back(symbol);
}

void Model::add_unknown(std::uint32_t size, std::vector<Symbol>& symbols,
                        std::optional<Symbol>& unknown) const {
  if (!settings_.unk_token) return;
  if (unknown && settings_.fuse_unk) {
    unknown->size += size;
    return;
  }
  if (unknown) symbols.push_back(*unknown);
  unknown = Symbol{unknown_id(), size};
}

void Model::split_into_symbols(std::string_view word, Scratch& scratch) const {
  std::vector<Symbol>& symbols = scratch.symbols;
  symbols.clear();
  std::optional<Symbol> unknown;
  for (std::size_t at = 0; at < word.size();) {
    if (scratch.letters == Letters::bytes) {
      const TokenId id = byte_letters_[static_cast<unsigned char>(word[at++])];
      if (id >= 0) {
        add_known({id, 1}, symbols, unknown);
      } else {
        add_unknown(1, symbols, unknown);
      }
    } else {
      const std::uint32_t size = char_at(word, at).size;
      add_character(word.substr(at, size), symbols, unknown);
      at += size;
    }
  }
  if (unknown) symbols.push_back(*unknown);
}

bool Model::knows_bytes_of(std::string_view text) const {
  return has_all_bytes_ || std::all_of(text.begin(), text.end(), [this](char c) {
           return byte_letters_[static_cast<unsigned char>(c)] >= 0;
         });
}

void Model::merge_word(std::string_view word, Scratch& scratch) const {
  if (settings_.ignore_merges) {
    if (const std::optional<TokenId> id = whole_word(word, scratch)) {
      scratch.symbols.assign(1, {*id, static_cast<std::uint32_t>(word.size())});
      return;
    }
  }
  split_into_symbols(word, scratch);
  scratch.merger.merge(merges_, scratch.symbols);
}

std::optional<TokenId> Model::whole_word(std::string_view word, Scratch& scratch) const {
  if (scratch.letters == Letters::characters) return vocabulary_.find(word);
  scratch.text.clear();
  for (const char c : word) append_utf8(scratch.text, letter_of_byte(static_cast<unsigned char>(c)));
  return vocabulary_.find(scratch.text);
}

void Model::encode_word(std::string_view word, std::size_t readable, Scratch& scratch, TokenSink sink) const {
  WordCache::Key key = WordCache::key_of(word.data(), word.size(), readable);
  if (scratch.letters != scratch.cached) key.size = 0;
  const WordCache::Slot* slot = key.size == 0 ? nullptr : scratch.cache.find(key);
  if (slot != nullptr) {
    sink.ids.insert(sink.ids.end(), slot->ids, slot->ids + slot->num_ids);
    if (sink.sizes != nullptr) {
      for (std::size_t i = 0; i < slot->num_ids; ++i) {
        sink.sizes->push_back(usual_size(slot->ids[i], scratch.letters));
      }
    }
    return;
  }
  merge_word(word, scratch);
  bool usual = true;
  const std::size_t before = sink.ids.size();
  for (const Symbol& symbol : scratch.symbols) {
    sink.ids.push_back(symbol.id);
    if (sink.sizes != nullptr) sink.sizes->push_back(symbol.size);
    usual = usual && symbol.size == usual_size(symbol.id, scratch.letters);
  }
  const std::size_t num_ids = sink.ids.size() - before;
  if (key.size != 0 && usual && num_ids <= WordCache::kMostIds) {
    scratch.cache.put(key, sink.ids.data() + before, num_ids);
  }
}

void Model::encode_words(std::string_view text, std::size_t at, std::span<const std::uint32_t> ends,
                         Scratch& scratch, TokenSink sink) const {
  if (sink.sizes != nullptr) {
    for (const std::uint32_t end : ends) {
      encode_word(text.substr(at, end - at), text.size() - at, scratch, sink);
      at = end;
    }
    return;
  }
  // Every known word is copied with all places of its slot, so there is room for as many.
  std::vector<TokenId>& ids = sink.ids;
  std::size_t used = ids.size();
  ids.resize(used + ends.size() * WordCache::kMostIds);
  for (const std::uint32_t end : ends) {
    const std::size_t size = end - at;
    const WordCache::Key key = WordCache::key_of(text.data() + at, size, text.size() - at);
    const WordCache::Slot* slot = key.size == 0 ? nullptr : scratch.cache.find(key);
    if (slot != nullptr) {
      std::memcpy(ids.data() + used, slot->ids, sizeof slot->ids);
      used += slot->num_ids;
    } else {
      scratch.ids.clear();
      encode_word(text.substr(at, size), text.size() - at, scratch, {scratch.ids, nullptr});
      if (scratch.ids.size() > WordCache::kMostIds) ids.resize(ids.size() + scratch.ids.size());
      std::copy(scratch.ids.begin(), scratch.ids.end(), ids.begin() + static_cast<std::ptrdiff_t>(used));
      used += scratch.ids.size();
    }
    at = end;
  }
  ids.resize(used);
}

bool Model::may_join(char32_t left, char32_t right) const {
  const std::uint32_t bit = junction_hash(left, right, kLogJunctions);
  return ((junctions_[bit / 64] >> (bit % 64)) & 1U) != 0;
}

void Model::encode_piece(std::string_view piece, Scratch& scratch, TokenSink sink) const {
  if (piece.empty()) return;
  if (scratch.letters == Letters::bytes || !can_split_ || piece.size() <= WordCache::kLongestWord) {
    encode_word(piece, piece.size(), scratch, sink);
    return;
  }
  std::size_t begin = 0;
  Utf8Char left = char_at(piece, 0);
  bool left_known = id_of_character(piece.substr(0, left.size)) >= 0;
  for (std::size_t at = left.size; at < piece.size();) {
    const Utf8Char right = char_at(piece, at);
    const bool right_known = id_of_character(piece.substr(at, right.size)) >= 0;
    if (left_known && right_known && !may_join(left.code, right.code)) {
      encode_word(piece.substr(begin, at - begin), piece.size() - begin, scratch, sink);
      begin = at;
    }
    at += right.size;
    left = right;
    left_known = right_known;
  }
  encode_word(piece.substr(begin), piece.size() - begin, scratch, sink);
}

}  // namespace easylm::tokenizers::bpe
