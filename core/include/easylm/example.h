// Examples, such as the lines of a file, and the source that a dataset reads them from.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"

namespace easylm {

// One member of an example. `text` is its bytes if it is a text; else `other` says what it is: "a number".
struct ExampleField {
  std::string name;
  std::string text;
  std::string_view other;
};

struct Example {
  std::vector<ExampleField> fields;  // no name twice

  // Throws Error{corrupt} if there is no such field, or if it is no text.
  EASYLM_API const std::string& text(std::string_view name) const;
};

// Where an example stands. {} is the first one.
struct ExamplePlace {
  std::int64_t file = 0;     // among the source's files; as many as there are: the end
  std::int64_t offset = 0;   // in that file: a byte of a text file, a row of a table
  std::int64_t line = 0;     // lines, or rows, before it in that file
  std::int64_t example = 0;  // lines, or rows, read before it in this pass
  auto operator<=>(const ExamplePlace&) const = default;
};

// An example as it was read, not yet looked into.
struct RawExample {
  ExamplePlace place;
  std::string_view bytes;             // what the source needs to decode it,
  std::int64_t row = 0;               // or where in `owner`
  std::shared_ptr<const void> owner;  // keeps it alive
};

// The examples of a data set in their order. Used by one thread at a time, except decode().
class EASYLM_API ExampleSource {
 public:
  virtual ~ExampleSource();

  // The next example; false at the end. Throws Error{io}, or Error{corrupt} where nothing can be read from
  // here on.
  virtual bool read(RawExample& raw) = 0;

  // Where read() goes on.
  virtual ExamplePlace place() const = 0;

  // Goes there in O(1), without reading what lies before. Throws Error{corrupt} if no example can begin
  // there.
  virtual void seek(const ExamplePlace& place) = 0;

  // Looks into an example that this source has read. Throws Error{corrupt} that says what is wrong with it.
  // [any-thread]
  virtual void decode(const RawExample& raw, Example& example) const = 0;

  // For people: "train.jsonl:17". [any-thread]
  virtual std::string where(const ExamplePlace& place) const = 0;
};

}  // namespace easylm
