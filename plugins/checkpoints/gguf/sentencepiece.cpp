// Merges from scores and back.
#include "sentencepiece.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <tuple>
#include <unordered_map>

namespace easylm::gguf {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

std::int64_t length(std::string_view text) { return std::ranges::count_if(text, begins_character); }

struct Scored {
  Merge merge;
  double score;
  std::int64_t left_length, right_length;
};

}  // namespace

std::vector<Merge> merges_of(std::span<const Piece> pieces) {
  std::unordered_map<std::string_view, std::size_t> ids;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].merges) ids.emplace(pieces[i].text, i);
  }
  std::vector<Scored> scored;
  for (const Piece& piece : pieces) {
    if (!piece.merges) continue;
    std::vector<std::tuple<std::size_t, std::size_t, Scored>> ways;
    for (std::size_t cut = 1; cut < piece.text.size(); ++cut) {
      if (!begins_character(piece.text[cut])) continue;
      const std::string_view left = piece.text.substr(0, cut), right = piece.text.substr(cut);
      const auto left_id = ids.find(left), right_id = ids.find(right);
      if (left_id == ids.end() || right_id == ids.end()) continue;
      ways.push_back(
          {left_id->second, right_id->second, {{left, right}, piece.score, length(left), length(right)}});
    }
    std::ranges::sort(ways, {},
                      [](const auto& way) { return std::pair(std::get<0>(way), std::get<1>(way)); });
    for (auto& way : ways) scored.push_back(std::get<2>(way));
  }
  std::ranges::stable_sort(scored, std::ranges::greater(), [](const Scored& x) {
    return std::tuple(x.score, x.left_length, x.right_length);
  });
  std::vector<Merge> merges;
  merges.reserve(scored.size());
  for (const Scored& x : scored) merges.push_back(x.merge);
  return merges;
}

bool find_scores(std::span<const Merge> merges, std::vector<Piece>& pieces) {
  std::unordered_map<std::string, double> ranks;
  std::string before;
  for (const Merge& merge : merges) {
    std::string made = std::string(merge.first) + std::string(merge.second);
    if (made == before) continue;
    // A piece whose merges lie apart has no single rank.
    if (!ranks.emplace(made, -static_cast<double>(ranks.size())).second) return false;
    before = std::move(made);
  }
  const auto last = -static_cast<double>(ranks.size());
  for (Piece& piece : pieces) {
    const auto rank = ranks.find(std::string(piece.text));
    piece.score = rank == ranks.end() ? last : rank->second;
  }
  const std::vector<Merge> made = merges_of(pieces);
  return std::set<Merge>(made.begin(), made.end()) == std::set<Merge>(merges.begin(), merges.end());
}

}  // namespace easylm::gguf
