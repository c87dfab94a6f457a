// How thorough a test is: short in `make test`, in full in `make test-long`.
#pragma once

#include <cstdlib>
#include <string_view>

namespace easylm::testing {

// EASYLM_LONG=1 asks for the long form.
inline int short_or_long(int in_short, int in_long) {
  const char* wanted = std::getenv("EASYLM_LONG");
  return wanted != nullptr && std::string_view(wanted) == "1" ? in_long : in_short;
}

}  // namespace easylm::testing
