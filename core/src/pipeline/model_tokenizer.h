// The tokenizer that comes with a model.
#pragma once

#include "config/descriptions.h"
#include "easylm/export.h"
#include "easylm/value.h"
#include "pipeline/model_reference.h"

namespace easylm {

// The [tokenizer] table for a model at `location`, unresolved: the one that its version records, reading its
// files from the version's own folder; if none is recorded, whatever reads the files beside the weights.
EASYLM_API Table model_tokenizer(const ModelLocation& location, const Descriptions& descriptions);

}  // namespace easylm
