// Numbers as people read them.
#pragma once

#include <chrono>
#include <string>

#include "easylm/export.h"

namespace easylm {

// `digits` significant digits without an exponent: 2.31, 10.1, 0.0123; very large and very small numbers get
// one: 1.2e9. "nan", "inf" and "-inf" by name. REQUIRES: digits > 0.
EASYLM_API std::string format_number(double value, int digits);

// So many decimals: 2.3110; empty for what isn't finite, as a cell of a table without a number is.
EASYLM_API std::string format_fixed(double value, int decimals);

EASYLM_API std::string format_scientific(double value);                // "3.0e-4"
EASYLM_API std::string format_count(double value);                     // "950", "41.2k", "1.25M"
EASYLM_API std::string format_bytes(double bytes);                     // "1.9 GB"; powers of 1000
EASYLM_API std::string format_duration(std::chrono::seconds seconds);  // "45s", "2m05s", "1h02m", "3d04h"

}  // namespace easylm
