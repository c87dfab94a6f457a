// The run's log: lines for people on the console, the same with time and level in a file.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "easylm/error.h"
#include "easylm/host.h"
#include "observe/console.h"

namespace easylm {

// `[word] message key=value …`; a warning's or an error's message begins with that word. A value is quoted
// where it could be misread. Control characters are escaped, further lines of a message are indented.
EASYLM_API std::string format_log_line(LogLevel level, std::string_view word, std::string_view message,
                                       std::span<const LogPair> pairs);

// All methods: [any-thread].
class EASYLM_API Log {
 public:
  // Shows lines of at least `shown` on the console, which outlives the log.
  Log(Console& console, LogLevel shown);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // From now on, every line from debug up goes to `file` too (appended, flushed line by line). Throws
  // Error{io}.
  void add_file(const std::filesystem::path& file);

  void write(LogLevel level, std::string_view word, std::string_view message,
             std::span<const LogPair> pairs = {});

  // The error's message as a line, and below it `hint: …` if it has one.
  void write(std::string_view word, const Error& error);

 private:
  class Sinks;
  std::unique_ptr<Sinks> sinks_;
};

}  // namespace easylm
