// A line of JSON as an example.
#pragma once

#include <string_view>

#include "easylm/example.h"
#include "easylm/example_encoder.h"

namespace easylm::datasets {

// Fills `example` with those members of the object in `line` that `encoder` reads; texts only are kept, of
// the others what they are. Throws Error{corrupt} if it is no JSON object or has one of them twice.
// [any-thread]
void read_json_example(std::string_view line, const ExampleEncoder& encoder, Example& example);

}  // namespace easylm::datasets
