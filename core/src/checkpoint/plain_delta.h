// Deltas of other tools: a model's file with target - base in the place of each tensor, and no word of where
// it came from. The Python EasyLM's diff_checkpoint and FastChat's make_delta write such.
#pragma once

#include <filesystem>

#include "checkpoint/delta_facts.h"
#include "easylm/checkpoint_format.h"

namespace easylm {

// What there is to know of such a delta: an arithmetic one without fingerprints. Tensors of both are
// differences, and become what they are in the base; others of the delta are taken as they are.
// Throws Error{invalid_config} that names every tensor that can't be added.
DeltaFacts plain_delta_facts(const TensorReader& base, const TensorReader& delta,
                             const std::filesystem::path& path);

}  // namespace easylm
