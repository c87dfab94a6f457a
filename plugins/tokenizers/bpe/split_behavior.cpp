// What a pre-tokenizer does with the parts that its pattern finds.
#include "split_behavior.h"

#include <algorithm>
#include <utility>

#include "json_members.h"

namespace easylm::tokenizers::bpe {
namespace {

// Joins each part with the one before it where `joins(is_match, previous_is_match)` says so.
template <typename Joins>
std::vector<Part> joined(const std::vector<Part>& parts, const Joins& joins) {
  std::vector<Part> out;
  bool previous = false;
  for (const Part& part : parts) {
    if (!out.empty() && joins(part.is_match, previous)) {
      out.back().begin = std::min(out.back().begin, part.begin);
      out.back().end = std::max(out.back().end, part.end);
    } else {
      out.push_back(part);
    }
    previous = part.is_match;
  }
  return out;
}

bool match_after_none(bool is_match, bool previous) { return is_match && !previous; }

std::vector<Part> behave(std::vector<Part> parts, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::isolated:
      return parts;
    case SplitBehavior::removed:
      parts.erase(std::remove_if(parts.begin(), parts.end(), [](const Part& part) { return part.is_match; }),
                  parts.end());
      return parts;
    case SplitBehavior::contiguous:
      return joined(parts, [](bool is_match, bool previous) { return is_match == previous; });
    case SplitBehavior::merged_with_previous:
      return joined(parts, match_after_none);
    case SplitBehavior::merged_with_next:
      break;
  }
  std::reverse(parts.begin(), parts.end());
  parts = joined(parts, match_after_none);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

SplitBehavior behavior_of(const std::string& name, const std::string& where) {
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  throw_corrupt(where, "there is no behavior '" + name + "'");
}

PartFinder parts_by_class(ClassBits wanted) {
  return [wanted, classes = character_classes()](std::string_view text) {
    std::vector<Part> parts;
    std::uint32_t begin = 0;
    for (std::uint32_t at = 0; at < text.size();) {
      const Utf8Char c = char_at(text, at);
      if ((classes[c.code] & wanted) != 0) {
        if (begin < at) parts.push_back({begin, at, false});
        begin = at + c.size;
        parts.push_back({at, begin, true});
      }
      at += c.size;
    }
    if (begin < text.size()) parts.push_back({begin, static_cast<std::uint32_t>(text.size()), false});
    return parts;
  };
}

PartFinder inverted(PartFinder finder) {
  return [finder = std::move(finder)](std::string_view text) {
    std::vector<Part> parts = finder(text);
    for (Part& part : parts) part.is_match = !part.is_match;
    return parts;
  };
}

void split_pieces(Pieces& pieces, const PartFinder& finder, SplitBehavior behavior) {
  std::vector<Piece> cut;
  const std::string_view text = pieces.text.view().text;
  for (const Piece& piece : pieces.pieces) {
    if (piece.token >= 0) {
      cut.push_back(piece);
      continue;
    }
    for (const Part& part : behave(finder(text.substr(piece.begin, piece.end - piece.begin)), behavior)) {
      if (part.begin < part.end) cut.push_back({piece.begin + part.begin, piece.begin + part.end});
    }
  }
  pieces.pieces = std::move(cut);
}

}  // namespace easylm::tokenizers::bpe
