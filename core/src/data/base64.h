// Base64 (RFC 4648) and the numbers in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// The bytes; none if the text isn't base64 with its padding, and nothing else.
EASYLM_API std::optional<std::string> decode_base64(std::string_view text);

// Little-endian integers of a NumPy type: i1, i2, i4, i8, u1, u2, u4, u8. None if they don't fill the bytes.
// Beyond int64 they come out negative. REQUIRES: `type` is one of these.
EASYLM_API std::optional<std::vector<std::int64_t>> read_integers(std::string_view bytes,
                                                                  std::string_view type);

}  // namespace easylm
