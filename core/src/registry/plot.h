// Curves of several versions as a chart.
#pragma once

#include <span>
#include <string>

#include "easylm/chart.h"
#include "easylm/export.h"
#include "registry/curves.h"

namespace easylm {

// One metric of several versions over steps. Throws Error{not_found} if one of them was never measured so.
EASYLM_API Chart chart_of(std::span<const VersionCurves> versions, const std::string& metric);

}  // namespace easylm
