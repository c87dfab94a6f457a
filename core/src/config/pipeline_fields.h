// Rules for the values of the host's own keys.
#pragma once

#include <string_view>

namespace easylm {

// Names become folders and parts of references like `name@best` and `stage:name`.
bool is_usable_name(std::string_view name);

inline constexpr const char* kUsableNames =
    "use letters, digits, '_', '-' and '.', and begin with a letter or a digit";

// auto, cpu, cuda, cuda:N. Whether there is such a device isn't asked.
bool is_device(std::string_view device);

}  // namespace easylm
