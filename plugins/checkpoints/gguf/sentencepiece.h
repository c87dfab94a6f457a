// Vocabularies of SentencePiece: merges that follow from scores, and scores that follow from merges.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace easylm::gguf {

using Merge = std::pair<std::string_view, std::string_view>;

struct Piece {
  std::string_view text;
  double score = 0;
  bool merges = true;  // false: not made by merging, such as "</s>" and "<0x0A>"
};

// Every pair of pieces that makes a piece, best score first, then the longer left side. What a merge makes,
// and its two sides, are pieces that merge.
std::vector<Merge> merges_of(std::span<const Piece> pieces);

// Scores with which merges_of() gives these merges, but for the order of those that make the same piece:
// minus the rank of what makes a piece; what nothing makes comes last. False if there are none, since a score
// can't say it.
bool find_scores(std::span<const Merge> merges, std::vector<Piece>& pieces);

}  // namespace easylm::gguf
