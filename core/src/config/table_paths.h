// Settings by dotted key.
#pragma once

#include <optional>
#include <string_view>

#include "easylm/value.h"

namespace easylm {

// Takes the setting out of `table`; none if it isn't there. Inner tables that are empty then go, too.
std::optional<Value> take_setting(Table& table, std::string_view key);

// Puts the value where the dotted key says. REQUIRES: no part of the way is a value that isn't a table.
void put_setting(Table& table, std::string_view key, Value value);

}  // namespace easylm
