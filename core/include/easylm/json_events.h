// JSON as a stream of events: a hostile file can't make us build a tree that is a hundred times its size, and
// a large one is read without building any.
#pragma once

#include <cstdint>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

// What read_json() tells. Text is UTF-8 without escapes, valid during the call only. What a method throws
// passes through read_json().
class EASYLM_API JsonEvents {
 public:
  virtual ~JsonEvents();
  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  virtual void key(std::string_view text) = 0;
  virtual void string(std::string_view text) = 0;
  virtual void integer(std::int64_t x) = 0;
  virtual void real(double x) = 0;  // has a fraction or an exponent, or is too large for an integer
  virtual void boolean(bool x) = 0;
  virtual void null() = 0;
};

// Reads one strict JSON value (RFC 8259) with nothing but white space after it, nested at most 32 deep.
// Throws Error{corrupt} that begins with `where`. [any-thread]
EASYLM_API void read_json(std::string_view text, std::string_view where, JsonEvents& events);

}  // namespace easylm
