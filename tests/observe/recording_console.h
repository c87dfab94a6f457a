// A console that keeps what was written to it.
#pragma once

#include <string>

#include "observe/console.h"

namespace easylm::testing {

class RecordingConsole {
 public:
  explicit RecordingConsole(ConsoleStyle style, std::size_t columns = 200)
      : console_(
            style, [this](std::string_view text) { text_ += text; }, [columns] { return columns; }) {}

  Console& console() { return console_; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  Console console_;
};

inline constexpr ConsoleStyle kPlainStyle{Colour::never, StatusLine::plain};
inline constexpr ConsoleStyle kTerminalStyle{Colour::always, StatusLine::rewritten};

}  // namespace easylm::testing
