// Masks by position are ranges; those by document and by token are looked up.
#include "mask.h"

#include <algorithm>
#include <limits>

namespace easylm::bpt {
namespace {

Visible both(Visible a, Visible b) {
  if (a == Visible::none || b == Visible::none) return Visible::none;
  return a == Visible::all && b == Visible::all ? Visible::all : Visible::some;
}

struct Bounds {
  std::int32_t low, high;
};

Bounds bounds_of(const std::int32_t* segments, Span span) {
  const auto [low, high] = std::minmax_element(segments + span.begin, segments + span.begin + span.size);
  return {*low, *high};
}

Visible same_document(Bounds queries, Bounds keys) {
  if (queries.low > keys.high || keys.low > queries.high) return Visible::none;
  const bool one = queries.low == queries.high && keys.low == keys.high;
  return one ? Visible::all : Visible::some;
}

}  // namespace

Mask::Mask(const AttentionMask& mask, std::int64_t row)
    : causal_(mask.causal), window_(mask.window), offset_(mask.query_offset) {
  if (mask.segments_q_BT.defined()) {
    segments_q_ = mask.segments_q_BT.const_data_ptr<std::int32_t>() + row * mask.segments_q_BT.size(1);
    segments_k_ = mask.segments_k_BS.const_data_ptr<std::int32_t>() + row * mask.segments_k_BS.size(1);
  }
  if (mask.keep_BS.defined()) keep_ = mask.keep_BS.const_data_ptr<bool>() + row * mask.keep_BS.size(1);
}

Mask::Range Mask::seeing(std::int64_t key) const {
  Range range{0, std::numeric_limits<std::int64_t>::max()};
  if (causal_) range.first = key - offset_;
  if (window_ > 0) range.last = key - offset_ + window_ - 1;
  return range;
}

Span Mask::reach(Span queries, Span keys, std::int64_t unit) const {
  if (!causal_) return keys;
  const std::int64_t seen = std::max<std::int64_t>(0, queries.last() + offset_ - keys.begin + 1);
  return {keys.begin, std::min((seen + unit - 1) / unit * unit, keys.size)};
}

Visible Mask::between(Span queries, Span keys) const {
  const Range first = seeing(keys.begin), last = seeing(keys.last());
  if (queries.last() < first.first || queries.begin > last.last) return Visible::none;
  const bool all = queries.begin >= last.first && queries.last() <= first.last && keep_ == nullptr;
  Visible visible = all ? Visible::all : Visible::some;
  if (segments_q_ != nullptr) {
    visible = both(visible, same_document(bounds_of(segments_q_, queries), bounds_of(segments_k_, keys)));
  }
  return visible;
}

void Mask::hide(Span queries, Span keys, float* scores, std::int64_t stride, float value) const {
  for (std::int64_t j = 0; j < keys.size; ++j) {
    const std::int64_t key = keys.begin + j;
    const Range range = seeing(key);
    float* row = scores + j * stride;
    const std::int64_t begin = std::clamp<std::int64_t>(range.first - queries.begin, 0, queries.size);
    std::int64_t end = queries.size;
    if (window_ > 0) end = std::clamp<std::int64_t>(range.last + 1 - queries.begin, begin, queries.size);
    std::fill(row, row + begin, value);
    std::fill(row + end, row + queries.size, value);
    const bool forgotten = keep_ != nullptr && !keep_[key];
    if (segments_q_ == nullptr && !forgotten) continue;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t query = queries.begin + i;
      const bool other = segments_q_ != nullptr && segments_q_[query] != segments_k_[key];
      if (other || (forgotten && query + offset_ != key)) row[i] = value;
    }
  }
}

}  // namespace easylm::bpt
