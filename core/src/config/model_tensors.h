// The tensors that a component's description says it has, worked out from its settings without its code.
#pragma once

#include <optional>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"
#include "easylm/registrar.h"

namespace easylm {

// Sorted by name, of dtype f32. `settings` may be unchecked: keys that are not there have their defaults, and
// unknown ones do no harm. None if the description has no rules, or if something that they need isn't set.
// Throws Error{invalid_config} for sizes that no model has.
EASYLM_API std::optional<std::vector<TensorInfo>> described_tensors(const ComponentDescription& description,
                                                                    const Table& settings);

}  // namespace easylm
