// What a block of queries sees of a block of keys.
#pragma once

#include <cstdint>

#include "easylm/tensor/attention.h"

namespace easylm::bpt {

struct Span {
  std::int64_t begin, size;
  std::int64_t last() const { return begin + size - 1; }
};

enum class Visible { none, some, all };

// One row's mask.
class Mask {
 public:
  // `segments` and `keep` of `call`'s mask must be contiguous; the mask must outlive this.
  Mask(const AttentionMask& mask, std::int64_t row);

  // The first of `keys`, as far as one of `queries` comes under a causal mask, rounded up to a multiple of
  // `unit` where there are as many.
  Span reach(Span queries, Span keys, std::int64_t unit) const;

  Visible between(Span queries, Span keys) const;

  // Sets scores[key · stride + query] to `value` where the query does not see the key.
  void hide(Span queries, Span keys, float* scores, std::int64_t stride, float value) const;

 private:
  // Queries that see `key` by position: [first, last].
  struct Range {
    std::int64_t first, last;
  };
  Range seeing(std::int64_t key) const;

  bool causal_;
  std::int64_t window_, offset_;
  const std::int32_t *segments_q_ = nullptr, *segments_k_ = nullptr;
  const bool* keep_ = nullptr;
};

}  // namespace easylm::bpt
