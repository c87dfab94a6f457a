// A place in packed examples as text: the `state` of a position.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/packing.h"

namespace easylm {

// "file=0 offset=1204 line=16 example=16 used=37 tokens=65536"
std::string state_text(const PackPlace& place, std::int64_t tokens);

// No count of anything comes near it, and sums of a few of them fit.
inline constexpr std::int64_t kLargestCount = std::int64_t{1} << 60;

struct ExampleState {
  PackPlace place;  // but its epoch
  std::int64_t tokens = 0;
};

// None if the text isn't what state_text() writes.
std::optional<ExampleState> parse_state(std::string_view text);

}  // namespace easylm
