// JSON as a stream of events: a hostile file can't make us build a tree that is a hundred times its size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace easylm::safetensors {

class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void begin_object() = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
  virtual void key(std::string text) = 0;
  virtual void string(std::string text) = 0;
  virtual void integer(std::int64_t x) = 0;
  virtual void other(std::string_view what) = 0;  // "a number that is no 64-bit integer", "true", "null", …
};

// Reads one strict JSON value with nothing but white space after it. Throws Error{corrupt} that begins with
// `where`; what `events` throws passes through.
void read_json(std::string_view text, std::string_view where, JsonEvents& events);

}  // namespace easylm::safetensors
