// Edit distance with swaps, and the rule for when a word is near enough to suggest.
#include "config/did_you_mean.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace easylm {
namespace {

constexpr std::size_t kLongestWord = 64;  // longer ones aren't typos worth the time

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// "hidden" is a part of "hidden_size"; "id" is none of "hidden_size".
bool is_part_of(std::string_view part, std::string_view word) {
  if (part.size() < 4) return false;
  const std::size_t at = word.find(part);
  if (at == std::string_view::npos) return false;
  const auto is_border = [&](std::size_t i) {
    return i >= word.size() || std::string_view("_-.").find(word[i]) != std::string_view::npos;
  };
  return (at == 0 || is_border(at - 1)) && is_border(at + part.size());
}

}  // namespace

int edit_distance(std::string_view a_text, std::string_view b_text) {
  const std::string a = lower(a_text), b = lower(b_text);
  std::vector<int> before_last, last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty() || word.size() > kLongestWord) return {};
  const int threshold = std::max(1, static_cast<int>(word.size()) / 3);
  int best_distance = threshold + 1;
  const std::string* best = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongestWord) continue;
    const int distance = edit_distance(word, candidate);
    // A word of one or two letters is near to any other such word.
    if (distance >= best_distance || distance >= static_cast<int>(candidate.size())) continue;
    best_distance = distance;
    best = &candidate;
  }
  if (best != nullptr) return *best;
  const std::string wanted = lower(word);
  for (const std::string& candidate : candidates) {
    const std::string other = lower(candidate);
    if (is_part_of(wanted, other) || is_part_of(other, wanted)) return candidate;
  }
  return {};
}

std::string suggestion(std::string_view word, std::span<const std::string> candidates,
                       std::string_view label) {
  const std::string near = nearest(word, candidates);
  if (!near.empty()) return "did you mean '" + near + "'?";
  std::string list;
  for (const std::string& candidate : candidates) list += (list.empty() ? "" : ", ") + candidate;
  return list.empty() ? list : std::string(label) + ": " + list;
}

}  // namespace easylm
