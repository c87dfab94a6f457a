// JSON text to plain data and back: config.json, state files and the like.
#pragma once

#include <string>
#include <string_view>

#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

// Strict JSON (RFC 8259): one value, no key twice, nested at most 32 deep. Objects become tables whose `type`
// is empty, in the order of the text; a null member is left out. `what` names the text in messages. Throws
// Error{corrupt}, also for a null in an array. [any-thread]
EASYLM_API Value parse_json(std::string_view text, std::string_view what);

// The same, of which only an object will do.
EASYLM_API Table parse_json_object(std::string_view text, std::string_view what);

// Indented by two spaces, newline at the end. A table's `type`, if any, comes first; doubles are written so
// that they read back the same; what is not finite becomes null.
EASYLM_API std::string json_text(const Value& value);
EASYLM_API std::string json_text(const Table& table);

// A string as JSON writes it, with its quotes.
EASYLM_API std::string json_quoted(std::string_view text);

}  // namespace easylm
