// The loop of byte pair encoding: of all neighbours that may merge, the pair of the lowest rank does, the
// leftmost of equals first, until none may.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "merge_table.h"

namespace easylm::tokenizers::bpe {

struct Symbol {
  TokenId id;
  std::uint32_t size;  // bytes of text
};

// Holds the memory that merging needs, to be used again. Not for two threads at once.
class Merger {
 public:
  // Merges `symbols` in place.
  void merge(const MergeTable& table, std::vector<Symbol>& symbols);

 private:
  // A possible merge in a long word. Old ones stay until they are met, and are seen to be old then.
  struct Candidate {
    std::uint32_t rank, position;
    TokenId result;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : position > other.position;
    }
  };
  struct Place {
    std::uint32_t position;
    TokenId result;
  };

  void merge_short(const MergeTable& table, std::vector<Symbol>& symbols);
  void merge_long(const MergeTable& table, std::vector<Symbol>& symbols);
  void offer(const MergeTable& table, const std::vector<Symbol>& symbols, std::uint32_t left);
  bool next_candidate(Candidate& candidate);
  void start_next_rank();

  std::vector<Merge> merges_;  // of each symbol with the next one
  std::vector<std::uint32_t> next_, previous_;
  // Long words: what waits for a rank above the current one lies by its rank; what came up at or below it, in
  // a heap. So a text of one repeated letter takes linear time.
  std::unordered_map<std::uint32_t, std::vector<Place>> waiting_;
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ranks_;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> early_;
  std::vector<Place> current_;
  std::size_t current_at_ = 0;
  std::int64_t current_rank_ = -1;
};

}  // namespace easylm::tokenizers::bpe
