// Tensors that files hold and models do without.
#pragma once

#include <cstddef>
#include <string>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"

namespace easylm {

// Why a tensor that the model doesn't have may stay behind: every model works it out for itself, or it
// repeats the embedding as the head that is tied to it, to the bit. Empty: nothing excuses it. REQUIRES: the
// model has no parameter of this name.
EASYLM_API std::string why_not_needed(const TensorReader& reader, std::size_t index);

}  // namespace easylm
