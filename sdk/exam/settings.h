// Which settings a component is examined with.
#pragma once

#include <string_view>

#include "config/pipeline_config.h"
#include "easylm/value.h"
#include "plugin/catalogue.h"

namespace easylm::exam {

// The first table of `pipeline` (null: none) that makes this component, wherever it stands: [optimizer], a
// nested schedule, one of the datasets. Without one: the component's defaults. Throws Error{invalid_config}
// if those don't suffice, with what is missing and how to give it.
Table settings_of(std::string_view kind, std::string_view name, const PipelineConfig* pipeline,
                  const Catalogue& catalogue);

}  // namespace easylm::exam
