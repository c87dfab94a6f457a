// Cuts texts.
#include "text_parts.h"

#include <algorithm>
#include <cstdint>

#include "easylm/utf8.h"

namespace easylm::tokenizers {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";

unsigned char first_byte(const AddedToken* token) { return static_cast<unsigned char>(token->text.front()); }

// Unicode's White_Space.
bool is_space(std::uint32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

std::size_t leading_space(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size()) {
    const CodePoint next = first_code_point(text.substr(size));
    if (!is_space(next.value)) break;
    size += next.size;
  }
  return size;
}

std::size_t trailing_space(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0) {
    std::size_t start = begin - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) --start;
    if (leading_space(text.substr(start, begin - start)) != begin - start) break;
    begin = start;
  }
  return text.size() - begin;
}

}  // namespace

TokenFinder::TokenFinder(std::vector<const AddedToken*> tokens) : tokens_(std::move(tokens)), first_(257) {
  std::ranges::sort(tokens_, [](const AddedToken* a, const AddedToken* b) {
    if (first_byte(a) != first_byte(b)) return first_byte(a) < first_byte(b);
    return a->text.size() != b->text.size() ? a->text.size() > b->text.size() : a->text < b->text;
  });
  for (const AddedToken* token : tokens_) ++first_[first_byte(token) + std::size_t{1}];
  for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
}

const AddedToken* TokenFinder::at(std::string_view text) const {
  const auto byte = static_cast<unsigned char>(text.front());
  for (std::size_t i = first_[byte]; i < first_[byte + std::size_t{1}]; ++i) {
    if (text.starts_with(tokens_[i]->text)) return tokens_[i];
  }
  return nullptr;
}

std::vector<TextPart> TokenFinder::parts(std::string_view text) const {
  std::vector<TextPart> parts;
  std::size_t begin = 0;  // of what is not yet in a part
  std::size_t at_byte = 0;
  while (!tokens_.empty() && at_byte < text.size()) {
    const AddedToken* token = at(text.substr(at_byte));
    if (token == nullptr) {
      ++at_byte;
      continue;
    }
    std::size_t from = at_byte;
    std::size_t to = at_byte + token->text.size();
    if (token->strips_left) from -= trailing_space(text.substr(begin, from - begin));
    if (token->strips_right) to += leading_space(text.substr(to));
    if (from > begin) parts.push_back({text.substr(begin, from - begin)});
    parts.push_back({text.substr(from, to - from), token});
    begin = at_byte = to;
  }
  if (begin < text.size()) parts.push_back({text.substr(begin)});
  return parts;
}

bool cuts_at_spaces(const ModelFile& model) {
  // A unigram model adds up scores from the start of the text, and their rounding can decide between two
  // ways.
  if (model.kind != ModelKind::bpe || model.has_charsmap || model.remove_extra_whitespaces ||
      !model.escape_whitespaces || model.space_at_end) {
    return false;
  }
  // An unknown character joins its unknown neighbours in one token, so the space must be a known one.
  bool knows_space = false;
  for (const Piece& piece : model.pieces) {
    knows_space |= piece.text == kSpaceMark && piece.type == PieceType::normal;
    if (piece.type != PieceType::normal && piece.type != PieceType::user_defined) continue;
    std::string_view rest = piece.text;
    while (rest.starts_with(kSpaceMark)) rest.remove_prefix(kSpaceMark.size());
    if (rest.find(kSpaceMark) != std::string_view::npos || rest.find(' ') != std::string_view::npos)
      return false;
  }
  return knows_space;
}

// The byte before a cut is an ASCII one: U+2581 itself in a text counts as a space.
std::size_t next_cut(std::string_view text, std::size_t from) {
  for (std::size_t i = from + 1; i < text.size(); ++i) {
    if (text[i] == ' ' && text[i - 1] > ' ') return i;
  }
  return text.size();
}

std::vector<std::string_view> stretches(std::string_view text, std::size_t size) {
  std::vector<std::string_view> all;
  std::size_t begin = 0;
  while (text.size() - begin > size) {
    const std::size_t end = next_cut(text, begin + size - 1);
    all.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  if (begin < text.size() || all.empty()) all.push_back(text.substr(begin));
  return all;
}

}  // namespace easylm::tokenizers
