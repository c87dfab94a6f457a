// Masks by position are ranges; those by document are looked up in runs of keys, and only where a run is not
// of one document, key by key.
#include "mask.h"

#include <algorithm>
#include <limits>

namespace easylm::bpt {

Span common(Span a, Span b) {
  const std::int64_t begin = std::min(std::max(a.begin, b.begin), a.end());
  return {begin, std::max<std::int64_t>(0, std::min(a.end(), b.end()) - begin)};
}

Mask::Mask(const AttentionMask& mask, std::int64_t row, std::int64_t num_keys, std::int64_t run)
    : causal_(mask.causal), window_(mask.window), offset_(mask.query_offset), num_keys_(num_keys), run_(run) {
  if (mask.segments_q_BT.defined()) {
    segments_q_ = mask.segments_q_BT.const_data_ptr<std::int32_t>() + row * mask.segments_q_BT.size(1);
    segments_k_ = mask.segments_k_BS.const_data_ptr<std::int32_t>() + row * mask.segments_k_BS.size(1);
  }
  if (mask.keep_BS.defined()) keep_ = mask.keep_BS.const_data_ptr<bool>() + row * mask.keep_BS.size(1);
  if (segments_k_ == nullptr && keep_ == nullptr) return;
  runs_.reserve(static_cast<std::size_t>((num_keys + run - 1) / run));
  for (std::int64_t begin = 0; begin < num_keys; begin += run) {
    const std::int64_t size = std::min(run, num_keys - begin);
    Run found{0, 0, true};
    if (segments_k_ != nullptr) {
      const std::int32_t* first = segments_k_ + begin;
      const auto [low, high] = std::minmax_element(first, first + size);
      found.lowest = *low;
      found.highest = *high;
    }
    if (keep_ != nullptr)
      found.kept = std::find(keep_ + begin, keep_ + begin + size, false) == keep_ + begin + size;
    if (!runs_.empty() && found.lowest < runs_.back().highest) is_ascending_ = false;
    runs_.push_back(found);
  }
}

Span Mask::seen_by(std::int64_t query) const {
  const std::int64_t position = query + offset_;
  const std::int64_t end = causal_ ? std::clamp<std::int64_t>(position + 1, 0, num_keys_) : num_keys_;
  const std::int64_t begin = window_ > 0 ? std::clamp<std::int64_t>(position - window_ + 1, 0, num_keys_) : 0;
  return {begin, std::max<std::int64_t>(0, end - begin)};
}

Mask::Run Mask::run_of(Span queries) const {
  const std::int32_t* first = segments_q_ + queries.begin;
  const auto [low, high] = std::minmax_element(first, first + queries.size);
  return {*low, *high, true};
}

Span Mask::reach(Span queries) const {
  const Span first = seen_by(queries.begin), last = seen_by(queries.end() - 1);
  const Span keys{first.begin, std::max<std::int64_t>(0, last.end() - first.begin)};
  return segments_q_ == nullptr ? keys : narrowed_to_documents(keys, run_of(queries));
}

Span Mask::narrowed_to_documents(Span keys, const Run& queries) const {
  if (keys.size == 0) return keys;
  auto first = runs_.begin() + keys.begin / run_, last = runs_.begin() + (keys.end() + run_ - 1) / run_;
  const auto ends_before = [&](const Run& run) { return run.highest < queries.lowest; };
  const auto begins_after = [&](const Run& run) { return run.lowest > queries.highest; };
  if (is_ascending_) {
    first = std::partition_point(first, last, ends_before);
    last = std::partition_point(first, last, [&](const Run& run) { return !begins_after(run); });
  } else {
    const auto is_seen = [&](const Run& run) { return !ends_before(run) && !begins_after(run); };
    first = std::find_if(first, last, is_seen);
    while (last != first && !is_seen(*(last - 1))) --last;
  }
  const std::int64_t begin = (first - runs_.begin()) * run_;
  return common(keys, {begin, (last - first) * run_});
}

bool Mask::sees_all(Span queries, Span keys) const {
  const Span first = seen_by(queries.begin), last = seen_by(queries.end() - 1);
  if (keys.begin < last.begin || keys.end() > first.end()) return false;
  if (runs_.empty()) return true;
  const Run of_queries = segments_q_ == nullptr ? Run{0, 0, true} : run_of(queries);
  for (std::int64_t i = keys.begin / run_; i * run_ < keys.end(); ++i) {
    const Run& run = runs_[static_cast<std::size_t>(i)];
    if (!run.kept || run.lowest != of_queries.highest || run.highest != of_queries.lowest) return false;
  }
  return of_queries.lowest == of_queries.highest;
}

void Mask::hide(Span queries, Span keys, float* scores, std::int64_t stride) const {
  constexpr float kNothing = -std::numeric_limits<float>::infinity();
  for (std::int64_t i = 0; i < queries.size; ++i) {
    const std::int64_t query = queries.begin + i;
    const Span seen = common(keys, seen_by(query));
    float* row = scores + i * stride - keys.begin;
    std::fill(row + keys.begin, row + seen.begin, kNothing);
    std::fill(row + seen.end(), row + keys.end(), kNothing);
    if (segments_q_ != nullptr) {
      const std::int32_t document = segments_q_[query];
      for (std::int64_t key = seen.begin; key < seen.end(); ++key) {
        row[key] = segments_k_[key] == document ? row[key] : kNothing;
      }
    }
    if (keep_ == nullptr) continue;
    for (std::int64_t key = seen.begin; key < seen.end(); ++key) {
      if (!keep_[key] && query + offset_ != key) row[key] = kNothing;
    }
  }
}

}  // namespace easylm::bpt
