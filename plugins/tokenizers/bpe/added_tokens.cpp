// Tokens that are found in the text before anything else.
#include "added_tokens.h"

#include <algorithm>
#include <utility>

#include "json_members.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {
namespace {

bool is_word(char32_t code) {
  return (character_classes()[code] & kWord) != 0 || code == 0x200C || code == 0x200D;
}
bool is_space(char32_t code) { return (character_classes()[code] & kSpace) != 0; }

std::string pattern_of_token(const AddedToken& token, const Normalizer* normalizer) {
  if (!token.normalized || normalizer == nullptr) return token.content;
  SpannedText normal(false);
  normalizer->apply({token.content, nullptr}, normal);
  return std::string(normal.view().text);
}

}  // namespace

bool TextFinder::add(std::string_view text, std::uint32_t value) {
  std::uint32_t node = 0;
  begins_[static_cast<unsigned char>(text[0])] = true;
  for (const char c : text) {
    const auto [found, is_new] = edges_.try_emplace(edge(node, c), static_cast<std::uint32_t>(nodes_.size()));
    if (is_new) nodes_.push_back(kNone);
    node = found->second;
  }
  if (nodes_[node] != kNone) return false;
  nodes_[node] = value;
  return true;
}

std::optional<TextFinder::Found> TextFinder::find(std::string_view text, std::size_t from) const {
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!begins_[static_cast<unsigned char>(text[begin])]) continue;
    std::optional<Found> longest;
    std::uint32_t node = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
      const auto next = edges_.find(edge(node, text[at]));
      if (next == edges_.end()) break;
      node = next->second;
      if (nodes_[node] != kNone) longest = Found{begin, at + 1, nodes_[node]};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens, const Vocabulary& vocabulary,
                         const Normalizer* normalizer, const std::string& where)
    : tokens_(std::move(tokens)), vocabulary_size_(vocabulary.size()) {
  for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
    AddedToken& token = tokens_[i];
    const std::string name = "the added token '" + token.content + "'";
    if (token.content.empty()) throw_corrupt(where, "an added token is empty");
    if (token.content.size() > TextFinder::kLongest) {
      throw_unsupported(where, "an added token of " + std::to_string(token.content.size()) + " bytes");
    }
    const TokenId expected = vocabulary.find(token.content).value_or(static_cast<TokenId>(vocabulary_size_));
    if (token.id != expected) {
      throw_corrupt(where, name + " has the id " + std::to_string(token.id) + " where " +
                               std::to_string(expected) + " is its place");
    }
    if (expected == vocabulary_size_) ++vocabulary_size_;
    token.pattern = pattern_of_token(token, normalizer);
    const bool is_new =
        !token.pattern.empty() && (token.normalized ? normalized_ : plain_).add(token.pattern, i);
    if (!is_new) throw_corrupt(where, name + " is there twice, or nothing is left of it after normalization");
    if (!token.special) (token.normalized ? any_ordinary_normalized_ : any_ordinary_plain_) = true;
  }
  by_id_.assign(static_cast<std::size_t>(vocabulary_size_), 0);
  for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
    std::uint32_t& number = by_id_[static_cast<std::size_t>(tokens_[i].id)];
    if (number != 0) throw_corrupt(where, "the added token '" + tokens_[i].content + "' is there twice");
    number = i + 1;
  }
}

const AddedToken* AddedTokens::by_id(TokenId id) const {
  const std::uint32_t number = by_id_[static_cast<std::size_t>(id)];
  return number == 0 ? nullptr : &tokens_[number - 1];
}

const AddedToken* AddedTokens::by_content(std::string_view content) const {
  const auto found = std::find_if(tokens_.begin(), tokens_.end(),
                                  [&](const AddedToken& token) { return token.content == content; });
  return found == tokens_.end() ? nullptr : &*found;
}

bool AddedTokens::any(SpecialText special_text, bool normalized) const {
  if (special_text == SpecialText::as_text)
    return normalized ? any_ordinary_normalized_ : any_ordinary_plain_;
  return !(normalized ? normalized_ : plain_).empty();
}

// As HF does it: what is found and then not taken is text, and hides what would overlap it.
void AddedTokens::split(std::string_view part, std::uint32_t base, bool normalized, SpecialText special_text,
                        std::vector<Piece>& out) const {
  const auto add = [&](std::size_t begin, std::size_t end, TokenId token) {
    out.push_back({base + static_cast<std::uint32_t>(begin), base + static_cast<std::uint32_t>(end), token});
  };
  std::size_t done = 0;
  std::size_t from = 0;
  const TextFinder& finder = normalized ? normalized_ : plain_;
  while (any(special_text, normalized)) {
    const std::optional<TextFinder::Found> found = finder.find(part, from);
    if (!found) break;
    from = found->end;
    const AddedToken& token = tokens_[found->value];
    if (token.special && special_text == SpecialText::as_text) continue;
    auto [begin, end, ignored] = *found;
    if (token.single_word && ((begin > 0 && is_word(char_before(part, begin).code)) ||
                              (end < part.size() && is_word(char_at(part, end).code)))) {
      continue;
    }
    while (token.lstrip && begin > done && is_space(char_before(part, begin).code)) {
      begin -= char_before(part, begin).size;
    }
    begin = std::max(begin, std::min(done, found->begin));
    while (token.rstrip && end < part.size() && is_space(char_at(part, end).code))
      end += char_at(part, end).size;
    if (done < begin) add(done, begin, -1);
    add(begin, end, token.id);
    done = end;
  }
  if (done < part.size()) add(done, part.size(), -1);
}

}  // namespace easylm::tokenizers::bpe
