// The loop of byte pair encoding.
#include "merger.h"

#include <algorithm>
#include <limits>

#include "easylm/error.h"

namespace easylm::tokenizers::bpe {
namespace {

// Up to here looking at all neighbours again and again is faster than any bookkeeping.
constexpr std::size_t kShort = 48;
constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();

}  // namespace

void Merger::merge(const MergeTable& table, std::vector<Symbol>& symbols) {
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShort) {
    merge_short(table, symbols);
  } else {
    merge_long(table, symbols);
  }
}

void Merger::merge_short(const MergeTable& table, std::vector<Symbol>& symbols) {
  std::size_t count = symbols.size();
  merges_.resize(count);
  for (std::size_t i = 0; i + 1 < count; ++i) merges_[i] = table.find(symbols[i].id, symbols[i + 1].id);
  while (true) {
    std::size_t best = 0;
    std::uint32_t rank = kNoMerge;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      const bool lower = merges_[i].rank < rank;
      best = lower ? i : best;
      rank = lower ? merges_[i].rank : rank;
    }
    if (rank == kNoMerge) break;
    symbols[best] = {merges_[best].result, symbols[best].size + symbols[best + 1].size};
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      merges_[i] = merges_[i + 1];
    }
    --count;
    if (best > 0) merges_[best - 1] = table.find(symbols[best - 1].id, symbols[best].id);
    if (best + 1 < count) merges_[best] = table.find(symbols[best].id, symbols[best + 1].id);
  }
  symbols.resize(count);
}

// Notes that the symbol at `left` may merge with its next one.
void Merger::offer(const MergeTable& table, const std::vector<Symbol>& symbols, std::uint32_t left) {
  const std::uint32_t right = next_[left];
  if (right == kEnd) return;
  const Merge merge = table.find(symbols[left].id, symbols[right].id);
  if (merge.rank == kNoMerge) return;
  if (merge.rank <= current_rank_) {
    early_.push({merge.rank, left, merge.result});
    return;
  }
  std::vector<Place>& places = waiting_[merge.rank];
  if (places.empty()) ranks_.push(merge.rank);
  places.push_back({left, merge.result});
}

void Merger::start_next_rank() {
  current_rank_ = ranks_.top();
  ranks_.pop();
  const auto found = waiting_.find(static_cast<std::uint32_t>(current_rank_));
  current_ = std::move(found->second);
  waiting_.erase(found);
  current_at_ = 0;
  const auto by_position = [](const Place& a, const Place& b) { return a.position < b.position; };
  if (!std::is_sorted(current_.begin(), current_.end(), by_position)) {
    std::sort(current_.begin(), current_.end(), by_position);
  }
}

bool Merger::next_candidate(Candidate& candidate) {
  if (early_.empty() && current_at_ == current_.size()) {
    if (ranks_.empty()) return false;
    start_next_rank();
  }
  const bool has_current = current_at_ < current_.size();
  Candidate first{};
  if (has_current) {
    first = {static_cast<std::uint32_t>(current_rank_), current_[current_at_].position,
             current_[current_at_].result};
  }
  if (!early_.empty() && (!has_current || first > early_.top())) {
    candidate = early_.top();
    early_.pop();
  } else {
    candidate = first;
    ++current_at_;
  }
  return true;
}

void Merger::merge_long(const MergeTable& table, std::vector<Symbol>& symbols) {
  EASYLM_CHECK(symbols.size() < kEnd, "a word has more than 4 GB");
  const auto count = static_cast<std::uint32_t>(symbols.size());
  next_.resize(count);
  previous_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    next_[i] = i + 1 < count ? i + 1 : kEnd;
    previous_[i] = i - 1;  // kEnd before the first
  }
  current_rank_ = -1;
  for (std::uint32_t i = 0; i < count; ++i) offer(table, symbols, i);
  for (Candidate candidate{}; next_candidate(candidate);) {
    const std::uint32_t left = candidate.position;
    if (symbols[left].size == 0 || next_[left] == kEnd) continue;
    const std::uint32_t right = next_[left];
    const Merge merge = table.find(symbols[left].id, symbols[right].id);
    if (merge.rank == kNoMerge || merge.result != candidate.result) continue;
    symbols[left] = {merge.result, symbols[left].size + symbols[right].size};
    symbols[right].size = 0;
    next_[left] = next_[right];
    if (next_[left] != kEnd) previous_[next_[left]] = left;
    if (previous_[left] != kEnd) offer(table, symbols, previous_[left]);
    offer(table, symbols, left);
  }
  current_.clear();
  current_at_ = 0;
  symbols.erase(std::remove_if(symbols.begin(), symbols.end(), [](const Symbol& s) { return s.size == 0; }),
                symbols.end());
  constexpr std::size_t kKept = std::size_t{1} << 16U;
  if (count > kKept) *this = Merger();  // one huge word is no reason to hold its memory for ever
}

}  // namespace easylm::tokenizers::bpe
