// The words of config.json that changed between transformers 4 and 5: how rotary settings and the element
// type are said.
#pragma once

#include <string_view>

#include "easylm/value.h"

namespace easylm::safetensors {

// The same configuration in the words of "v4" (rope_theta and rope_scaling, torch_dtype) or "v5"
// (rope_parameters, dtype); unchanged for "as_is". Where it says a thing in both words, v5's win, as in
// reading it.
Table in_style(const Table& config, std::string_view style);

}  // namespace easylm::safetensors
