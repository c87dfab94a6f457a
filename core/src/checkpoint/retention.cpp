// Which versions of a run may go.
#include "checkpoint/retention.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace easylm {
namespace {

// Not a number: not measured.
double quality(const VersionRecord& version, const RetentionPolicy& policy) {
  for (const auto& [name, value] : version.metrics) {
    if (name == policy.best_metric) return policy.highest_is_best ? value : -value;
  }
  return std::nan("");
}

bool is_milestone(const VersionRecord& version, const RetentionPolicy& policy) {
  return policy.milestone_every_steps > 0 && version.step % policy.milestone_every_steps == 0;
}

}  // namespace

std::vector<VersionRecord> by_quality(std::span<const VersionRecord> versions,
                                      const RetentionPolicy& policy) {
  std::vector<VersionRecord> measured;
  std::ranges::copy_if(versions, std::back_inserter(measured),
                       [&](const VersionRecord& version) { return !std::isnan(quality(version, policy)); });
  std::ranges::stable_sort(measured, [&](const VersionRecord& a, const VersionRecord& b) {
    return quality(a, policy) > quality(b, policy);
  });
  return measured;
}

std::vector<VersionRecord> removable(std::span<const VersionRecord> versions, const RetentionPolicy& policy) {
  if (policy.keep_last <= 0 || versions.empty()) return {};
  std::set<std::int64_t> kept;
  const auto last = std::min(versions.size(), static_cast<std::size_t>(policy.keep_last));
  for (const VersionRecord& version : versions.last(last)) kept.insert(version.number);
  const std::vector<VersionRecord> best = by_quality(versions, policy);
  const auto good = std::min(best.size(), static_cast<std::size_t>(policy.keep_best));
  for (const VersionRecord& version : std::span(best).first(good)) kept.insert(version.number);
  std::vector<VersionRecord> others;
  std::ranges::copy_if(versions, std::back_inserter(others), [&](const VersionRecord& version) {
    return !kept.contains(version.number) && !is_milestone(version, policy) && !is_protected(version);
  });
  return others;
}

}  // namespace easylm
