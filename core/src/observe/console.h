// The person's terminal: whole lines, and one status line that is rewritten in place below them.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

// What decides how we talk to a stream.
struct TerminalFacts {
  bool is_terminal = false;
  std::string no_color;  // the variable NO_COLOR; any text but none switches colour off
  std::string term;      // the variable TERM

  // Of an open file descriptor and this process's environment.
  EASYLM_API static TerminalFacts of(int descriptor);
};

enum class Colour { never, always };
enum class StatusLine { plain, rewritten };  // each status a line of its own, or one line in place

EASYLM_API Colour colour_for(const TerminalFacts& facts);
EASYLM_API StatusLine status_line_for(const TerminalFacts& facts);

struct ConsoleStyle {
  Colour colour = Colour::never;
  StatusLine status_line = StatusLine::plain;
};

// Lines and status never mix, whichever threads they come from. A write that fails is ignored: a closed
// terminal must not end a run. All methods: [any-thread].
class EASYLM_API Console {
 public:
  using Write = std::function<void(std::string_view)>;
  using Columns = std::function<std::size_t()>;  // the terminal's width now

  Console(ConsoleStyle style, Write write, Columns columns);

  // Standard error, in the style that fits it.
  static Console standard_error();

  const ConsoleStyle& style() const { return style_; }

  // A whole line (no newline at its end), above the status line.
  void print(std::string_view line);

  // Rewrites the status line, cut to the terminal's width; as a line of its own where nothing can be
  // rewritten.
  void status(std::string_view line);

  // Leaves the status line where it stands and goes on below it.
  void finish_status();

  // Takes the status line away until its next change, for output by other means.
  void clear_status();

 private:
  void erase();
  void draw();

  ConsoleStyle style_;
  Write write_;
  Columns columns_;
  std::mutex mutex_;
  std::string status_;
  bool drawn_ = false;
};

}  // namespace easylm
