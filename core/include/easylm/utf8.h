// UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

struct CodePoint {
  std::uint32_t value = 0xFFFD;
  std::size_t size = 1;  // bytes
  bool valid = false;    // false: a byte that begins no character, read as U+FFFD
};

// The character at the start of `text`. REQUIRES: text is not empty. [any-thread]
EASYLM_API CodePoint first_code_point(std::string_view text);

EASYLM_API bool is_utf8(std::string_view text);

EASYLM_API void append_utf8(std::string& text, std::uint32_t code_point);

}  // namespace easylm
