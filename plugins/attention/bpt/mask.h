// What a tile of queries sees of the keys.
#pragma once

#include <cstdint>
#include <vector>

#include "easylm/tensor/attention.h"

namespace easylm::bpt {

struct Span {
  std::int64_t begin, size;
  std::int64_t end() const { return begin + size; }
};

// The part of `a` that is in `b`; where there is none, an empty one within `a`.
Span common(Span a, Span b);

// One row's mask. Queries are counted as in the whole call.
class Mask {
 public:
  // The mask must outlive this; its segments and keep must be contiguous. Keys are looked up in runs of
  // `run`.
  Mask(const AttentionMask& mask, std::int64_t row, std::int64_t num_keys, std::int64_t run);

  // The keys between the first and the last that one of `queries` may see, where documents are concerned in
  // whole runs. Empty if there is none.
  Span reach(Span queries) const;

  // Whether every one of `queries` sees every one of `keys`, which may lie behind the last key.
  bool sees_all(Span queries, Span keys) const;

  // Sets scores[query · stride + key] to -inf where the query does not see the key.
  void hide(Span queries, Span keys, float* scores, std::int64_t stride) const;

 private:
  struct Run {
    std::int32_t lowest, highest;  // documents
    bool kept;                     // no key is forgotten
  };

  // Keys that a query sees by position.
  Span seen_by(std::int64_t query) const;
  Run run_of(Span queries) const;
  Span narrowed_to_documents(Span keys, const Run& queries) const;

  bool causal_;
  std::int64_t window_, offset_, num_keys_, run_;
  const std::int32_t *segments_q_ = nullptr, *segments_k_ = nullptr;
  const bool* keep_ = nullptr;
  std::vector<Run> runs_;     // of keys, where there are segments or forgotten keys
  bool is_ascending_ = true;  // documents follow each other
};

}  // namespace easylm::bpt
