// The fields of a query, and which values may be compared with each.
#pragma once

#include <string>
#include <string_view>

#include "registry/query/lexer.h"
#include "registry/query/syntax.h"

namespace easylm::query {

// Throw Error{invalid_config} with a caret under `token`.
Field field_of(std::string_view source, const Token& token);
Literal literal_of(std::string_view source, const Token& token, const Field& field);

}  // namespace easylm::query
