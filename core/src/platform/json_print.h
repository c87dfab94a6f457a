// Prints Boost.JSON values the way people read them.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace easylm {

// Indented by two spaces; a list of plain values stays on one line; newline at the end. What is not finite
// becomes null.
std::string printed(const boost::json::value& value);

}  // namespace easylm
