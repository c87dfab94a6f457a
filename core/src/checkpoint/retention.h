// Which versions of a run may go.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "registry/registry.h"

namespace easylm {

struct RetentionPolicy {
  std::int64_t keep_last = 0;              // versions; 0: nothing is ever removed
  std::int64_t milestone_every_steps = 0;  // versions at these steps stay for ever; 0: none
  std::int64_t keep_best = 0;              // versions, by `best_metric`
  std::string best_metric = "validation_loss";
  bool highest_is_best = false;
};

// Versions that have the metric, best first; of equals the older one.
EASYLM_API std::vector<VersionRecord> by_quality(std::span<const VersionRecord> versions,
                                                 const RetentionPolicy& policy);

// Those that may be removed, oldest first. `versions` are those of one run, by number. The newest always
// stays, and what is_protected().
EASYLM_API std::vector<VersionRecord> removable(std::span<const VersionRecord> versions,
                                                const RetentionPolicy& policy);

}  // namespace easylm
