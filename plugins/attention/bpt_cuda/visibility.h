// Which keys a query sees: for whole blocks, so that hidden ones are skipped, and for single pairs.
#pragma once

#include <climits>
#include <cstdint>

#include "intrinsics.h"
#include "kernels.h"
#include "launch.h"
#include "sequence.h"

namespace easylm::bpt_cuda {

constexpr int kSummaryTokens = 64;

// Of kSummaryTokens tokens: their segments, and what `keep` says of them (of keys only).
struct alignas(16) TokenSummary {
  std::int32_t smallest_segment, largest_segment;
  std::int32_t any_hidden, any_kept;
};

__device__ __forceinline__ int smaller(int a, int b) { return a < b ? a : b; }
__device__ __forceinline__ int larger(int a, int b) { return a > b ? a : b; }

enum class BlockView { kHidden, kPartial, kWhole };

struct Interval {
  int begin, end;
};

class Visibility {
 public:
  __device__ __forceinline__ Visibility(const Shape& shape, const Mask& mask, const Sequence& sequence)
      : mask_(mask), sequence_(sequence) {
    if (mask.summary == nullptr) return;
    const int blocks_q = divide_up(shape.num_queries, kSummaryTokens);
    const int blocks_k = divide_up(shape.num_keys, kSummaryTokens);
    summary_q_ = static_cast<const TokenSummary*>(mask.summary) +
                 static_cast<std::int64_t>(sequence.batch) * (blocks_q + blocks_k);
    summary_k_ = summary_q_ + blocks_q;
  }

  // What causality and the window leave of all keys to these queries, and of all queries to these keys. Ends
  // may lie beyond the sequence.
  __device__ __forceinline__ Interval keys_of(Interval queries) const {
    const int first = queries.begin + sequence_.query_offset;
    const int last = smaller(queries.end, sequence_.num_queries) - 1 + sequence_.query_offset;
    return {mask_.window > 0 ? larger(0, first - mask_.window + 1) : 0,
            mask_.causal ? smaller(sequence_.num_keys, last + 1) : sequence_.num_keys};
  }
  __device__ __forceinline__ Interval queries_of(Interval keys) const {
    const int first = keys.begin - sequence_.query_offset;
    const int last = smaller(keys.end, sequence_.num_keys) - 1 - sequence_.query_offset;
    return {mask_.causal ? larger(0, first) : 0,
            mask_.window > 0 ? smaller(sequence_.num_queries, last + mask_.window) : sequence_.num_queries};
  }

  __device__ __forceinline__ BlockView block(Interval queries, Interval keys) const {
    const int first = queries.begin + sequence_.query_offset;
    const int last = smaller(queries.end, sequence_.num_queries) - 1 + sequence_.query_offset;
    const int last_key = smaller(keys.end, sequence_.num_keys) - 1;
    if (mask_.causal && keys.begin > last) return BlockView::kHidden;
    if (mask_.window > 0 && first - last_key >= mask_.window) return BlockView::kHidden;
    bool whole = keys.end <= sequence_.num_keys;
    if (mask_.causal) whole = whole && last_key <= first;
    if (mask_.window > 0) whole = whole && last - keys.begin < mask_.window;
    if (mask_.summary != nullptr) {
      const TokenSummary of_keys = summary_k_[keys.begin / kSummaryTokens];
      if (mask_.segments_k != nullptr) {
        const Interval segments = segments_of(queries);
        if (of_keys.smallest_segment > segments.end || of_keys.largest_segment < segments.begin) {
          return BlockView::kHidden;
        }
        whole =
            whole && segments.begin == segments.end && of_keys.smallest_segment == of_keys.largest_segment;
      }
      if (mask_.keep != nullptr) {
        const bool on_diagonal = keys.begin <= last && last_key >= first;
        if (of_keys.any_kept == 0 && !on_diagonal) return BlockView::kHidden;
        whole = whole && of_keys.any_hidden == 0;
      }
    }
    return whole ? BlockView::kWhole : BlockView::kPartial;
  }

  // True if segments or `keep` decide, too.
  __device__ __forceinline__ bool has_lists() const { return mask_.summary != nullptr; }

  // What segments and `keep` say of a pair. Outside the sequence: false.
  __device__ __forceinline__ bool listed(int query, int key) const {
    bool seen = key < sequence_.num_keys && query < sequence_.num_queries;
    if (mask_.segments_k != nullptr) seen = seen && same_segment(query, key);
    if (mask_.keep != nullptr) {
      seen = seen &&
             (query + sequence_.query_offset == key || mask_.keep[sequence_.batch * mask_.keep_stride + key]);
    }
    return seen;
  }

 private:
  __device__ __forceinline__ Interval segments_of(Interval queries) const {
    const int last_query = smaller(queries.end, sequence_.num_queries) - 1;
    Interval result = {INT_MAX, INT_MIN};
    for (int i = queries.begin / kSummaryTokens; i <= last_query / kSummaryTokens; ++i) {
      result.begin = smaller(result.begin, summary_q_[i].smallest_segment);
      result.end = larger(result.end, summary_q_[i].largest_segment);
    }
    return result;
  }

  __device__ __forceinline__ bool same_segment(int query, int key) const {
    return mask_.segments_q[sequence_.batch * mask_.segments_q_stride + query] ==
           mask_.segments_k[sequence_.batch * mask_.segments_k_stride + key];
  }

  const Mask& mask_;
  const Sequence& sequence_;
  const TokenSummary *summary_q_ = nullptr, *summary_k_ = nullptr;
};

// Walks over the blocks of kKeys keys that are not wholly hidden from some queries.
template <int kKeys>
class KeyWalk {
 public:
  __device__ __forceinline__ KeyWalk(const Visibility& visibility, Interval queries)
      : visibility_(&visibility), queries_(queries) {
    const Interval keys = visibility.keys_of(queries);
    block_ = keys.begin / kKeys;
    end_ = divide_up(larger(keys.end, 0), kKeys);
    skip_hidden();
  }
  __device__ __forceinline__ bool done() const { return block_ >= end_; }
  __device__ __forceinline__ int first_key() const { return block_ * kKeys; }
  __device__ __forceinline__ bool partial() const { return view_ == BlockView::kPartial; }
  __device__ __forceinline__ void advance() {
    ++block_;
    skip_hidden();
  }

 private:
  __device__ __forceinline__ void skip_hidden() {
    for (; block_ < end_; ++block_) {
      view_ = visibility_->block(queries_, {block_ * kKeys, (block_ + 1) * kKeys});
      if (view_ != BlockView::kHidden) return;
    }
  }

  const Visibility* visibility_;
  Interval queries_;
  int block_, end_;
  BlockView view_ = BlockView::kHidden;
};

// Walks over the blocks of kQueries queries from which some keys are not wholly hidden, once for each of
// num_heads heads.
template <int kQueries>
class QueryWalk {
 public:
  __device__ __forceinline__ QueryWalk(const Visibility& visibility, Interval keys, int num_heads)
      : visibility_(&visibility), keys_(keys), num_heads_(num_heads) {
    const Interval queries = visibility.queries_of(keys);
    begin_ = queries.begin / kQueries;
    end_ = divide_up(larger(queries.end, 0), kQueries);
    block_ = begin_;
    skip_hidden();
    if (block_ >= end_) head_ = num_heads_;  // no head's query sees them
  }
  __device__ __forceinline__ bool done() const { return head_ >= num_heads_; }
  __device__ __forceinline__ int head() const { return head_; }
  __device__ __forceinline__ int first_query() const { return block_ * kQueries; }
  __device__ __forceinline__ bool partial() const { return view_ == BlockView::kPartial; }
  __device__ __forceinline__ void advance() {
    ++block_;
    skip_hidden();
    if (block_ < end_) return;
    if (++head_ >= num_heads_) return;
    block_ = begin_;
    skip_hidden();
  }

 private:
  __device__ __forceinline__ void skip_hidden() {
    for (; block_ < end_; ++block_) {
      view_ = visibility_->block({block_ * kQueries, (block_ + 1) * kQueries}, keys_);
      if (view_ != BlockView::kHidden) return;
    }
  }

  const Visibility* visibility_;
  Interval keys_;
  int num_heads_, head_ = 0;
  int begin_, block_, end_;
  BlockView view_ = BlockView::kHidden;
};

}  // namespace easylm::bpt_cuda
