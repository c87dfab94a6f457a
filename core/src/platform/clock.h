// Time as text.
#pragma once

#include <string>

#include "easylm/export.h"

namespace easylm {

// "2026-11-24T19:26:17.123Z": UTC, sorts like the times themselves. [any-thread]
EASYLM_API std::string utc_now();

// "20261124T192617Z": the same for names of files and ids.
EASYLM_API std::string utc_now_compact();

}  // namespace easylm
